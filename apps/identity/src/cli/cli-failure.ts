/** How the command line ends. Documented in `--help`; scripts depend on it. */
export const EXIT_CODES = {
  done: 0,
  wrong: 1,
  usage: 2,
  refused: 3,
  unavailable: 4,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0  done; doctor: all is well
  1  something is wrong: doctor or audit verify found a fault, keys revoke lacks a receipt, or an error that nobody expected
  2  the command line, a setting or an input is not valid, or a confirmation is missing
  3  identity refused: no right to do it, no such thing, or the state of things does not allow it
  4  identity, or its database, could not be reached or cannot answer now; try again`;

/** A failure with something to say to a person, and an exit code for a script. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';

  constructor(
    readonly ending: Exclude<keyof typeof EXIT_CODES, 'done'>,
    /** Stable, for scripts. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
