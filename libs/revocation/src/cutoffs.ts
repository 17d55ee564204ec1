import { ExpiringMap } from './expiring-map.js';

interface Cutoff {
  readonly cutoff: number;
  readonly expiresAt: number;
}

/** Up to when tokens of a user, of a client, or all, are revoked: the latest instant that was ever named. */
export class Cutoffs {
  readonly #entries = new ExpiringMap<Cutoff>();

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.get(id) !== undefined;
  }

  /** Whether a token issued at `issuedAt` is covered. All instants are NumericDate seconds. */
  covers(id: string, issuedAt: number): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && issuedAt <= entry.cutoff;
  }

  /** Keeps the later of two cut-offs, and of two ends. @returns whether that changed anything */
  add(id: string, cutoff: number, expiresAt: number): boolean {
    const known = this.#entries.get(id);
    if (known && known.cutoff >= cutoff && known.expiresAt >= expiresAt) return false;
    this.#entries.set(id, {
      cutoff: Math.max(cutoff, known?.cutoff ?? 0),
      expiresAt: Math.max(expiresAt, known?.expiresAt ?? 0),
    });
    return true;
  }

  /** From now on, what ended before `horizon` is not there. */
  sweep(horizon: number): void {
    this.#entries.sweep(horizon);
  }
}
