import type { VerifierClock } from '@countersign/token-verifier';

/**
 * The database's time, carried on by the clock that never jumps. Tokens are dated by the database, so identity's own verifier
 * judges them by it too: the wall clock of a replica may be wrong by any amount.
 */
export class DatabaseClock implements VerifierClock {
  #readAtMs = 0;
  #readMonotonicMs = 0;

  constructor(private readonly machine: VerifierClock) {
    this.#note(machine.wallMs());
  }

  /** @param readAt database time just read, NumericDate seconds */
  note(readAt: number): void {
    this.#note(readAt * 1000);
  }

  wallMs(): number {
    return this.#readAtMs + this.machine.monotonicMs() - this.#readMonotonicMs;
  }

  monotonicMs(): number {
    return this.machine.monotonicMs();
  }

  #note(wallMs: number): void {
    this.#readAtMs = wallMs;
    this.#readMonotonicMs = this.machine.monotonicMs();
  }
}
