/** Errors of OAuth endpoints (RFC 6749 §5.2, §4.1.2.1; `too_many_attempts` is ours), with their status. */
export const OAUTH_ERRORS = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  too_many_attempts: 429,
  server_error: 500,
  temporarily_unavailable: 503,
} as const satisfies Record<string, number>;
export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

/** The statuses of some of them, and of what may befall any request. */
export function oauthErrors(...codes: readonly OAuthErrorCode[]): Readonly<Record<string, number>> {
  const all = [...codes, 'invalid_request', 'server_error', 'temporarily_unavailable'] as const;
  return Object.fromEntries(all.map((code) => [code, OAUTH_ERRORS[code]]));
}

/** A refusal by an OAuth endpoint. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';

  constructor(
    readonly code: OAuthErrorCode,
    /** Fixed text for developers, shown to the client. */
    readonly description: string,
  ) {
    super(description);
  }
}
