export type EmbeddedPostgresErrorCode =
  | 'unsupported_platform'
  | 'data_unreachable'
  | 'in_use'
  | 'other_version'
  | 'initdb_failed'
  | 'port_taken'
  | 'wrong_password'
  | 'did_not_start';

/** A failure the person at the terminal can act on; the message says how. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';

  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
