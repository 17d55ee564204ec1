import { parseRevocationEvent } from '@countersign/revocation';
import type { Position, RevocationEventJson, RevocationKind } from '@countersign/revocation';

/** What to revoke. `cutoff` (NumericDate) is for `sub`, `client` and `all`; left out, it is now. */
export interface TestRevocation {
  readonly kind: RevocationKind;
  /** `*` for kind `all`. */
  readonly id: string;
  readonly cutoff?: number;
  /** Asks every verifier that applies it to check in at once. */
  readonly receiptWanted?: true;
}

const CUTOFF_KINDS: ReadonlySet<RevocationKind> = new Set(['sub', 'client', 'all']);

/** The ordered log of revocations of a test issuer, and who listens to it. */
export class TestRevocations {
  readonly epoch = 1;
  readonly #events: RevocationEventJson[] = [];
  readonly #listeners = new Set<(event: RevocationEventJson) => void>();

  get head(): number {
    return this.#events.length;
  }

  /**
   * Adds an event at the head and hands it to every listener.
   *
   * @throws {RevocationFormatError} for what no verifier would take: a test would wait for it in vain
   */
  add({ kind, id, cutoff, receiptWanted }: TestRevocation): RevocationEventJson {
    const at = Date.now() / 1000;
    const event = {
      epoch: this.epoch,
      seq: this.head + 1,
      kind,
      id,
      ...(CUTOFF_KINDS.has(kind) && { cutoff: cutoff ?? at }),
      expires_at: kind === 'kid' ? null : at + 3600,
      at,
      ...(receiptWanted && { receipt_wanted: receiptWanted }),
    };
    parseRevocationEvent(event);
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  /** The events with `after < seq ≤ upTo`, in order. */
  between(after: number, upTo: number): readonly RevocationEventJson[] {
    return this.#events.slice(after, upTo);
  }

  /** Where a reader that has applied `position` may go on: its `seq`, or 0 when it must start over. */
  resumeAfter(position: Position | undefined): number {
    return position?.epoch === this.epoch && position.seq <= this.head ? position.seq : 0;
  }

  /** @returns how to stop listening */
  listen(listener: (event: RevocationEventJson) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
