import type { Readable } from 'node:stream';

/** What the command line has of its surroundings. */
export interface CliSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that relative paths start from. */
  readonly folder: string;
  readonly input: Readable;
  /** Whether a person sits in front of it, and can be asked. */
  readonly interactive: boolean;
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Surroundings, and how results are to be printed. */
export class CliContext {
  /** Set from `--json` before a command runs. */
  json = false;

  constructor(readonly surroundings: CliSurroundings) {}

  /** Prints a result: as JSON when it was asked for, otherwise for people. */
  print<T>(result: T, forPeople: (result: T) => string): void {
    const text = this.json ? JSON.stringify(result, null, 2) : forPeople(result);
    this.surroundings.writeOut(`${text}\n`);
  }

  /** Prints something that is not the result, beside it. */
  note(text: string): void {
    this.surroundings.writeError(`${text}\n`);
  }
}
