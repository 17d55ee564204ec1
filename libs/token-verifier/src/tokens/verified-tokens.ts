import type { AccessToken } from './access-token.js';
import type { KeySet } from '../keys/key-set.js';

/** How much the memory of verified tokens may hold. `maxBytes` counts the text of the tokens. */
export interface VerifiedTokensLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** A token whose signature was verified with `keys`. */
export interface VerifiedToken {
  readonly text: string;
  readonly keys: KeySet;
  readonly token: AccessToken;
  /** The version of the revocation replica at which the token was last found not to be revoked. */
  clearedAt: number;
}

/**
 * Remembers tokens whose signature has been verified, so that it is verified once. Expiry, audience and revocation are the
 * caller's to check on every call.
 *
 * An entry is found by a few characters of its signature and believed only when the whole text is the same and the key set is
 * the very one that verified it. Two generations bound the memory: what is used moves to the young one; when that is full, it
 * becomes the old one and the old one is dropped. So a flood of tokens that are used once cannot push out what is in use.
 */
export class VerifiedTokens {
  #young = new Map<number, VerifiedToken>();
  #old = new Map<number, VerifiedToken>();
  #youngBytes = 0;

  constructor(private readonly limits: VerifiedTokensLimits) {}

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(text: string, keys: KeySet): VerifiedToken | undefined {
    const slot = slotOf(text);
    const young = this.#young.get(slot);
    if (young !== undefined) return young.text === text && young.keys === keys ? young : undefined;
    const old = this.#old.get(slot);
    if (old?.text !== text || old.keys !== keys) return undefined;
    this.#old.delete(slot);
    this.#remember(slot, old);
    return old;
  }

  add(entry: VerifiedToken): void {
    this.#remember(slotOf(entry.text), entry);
  }

  #remember(slot: number, entry: VerifiedToken): void {
    const { maxEntries, maxBytes } = this.limits;
    const bytes = this.#youngBytes + entry.text.length;
    if ((this.#young.size + 1) * 2 > maxEntries || bytes * 2 > maxBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(slot, entry);
    this.#youngBytes += entry.text.length;
  }
}

/** A small integer from the last characters but one of a signature: as good as random, and no string to make. */
function slotOf(text: string): number {
  const end = text.length;
  return (
    ((text.charCodeAt(end - 2) & 63) << 24) ^
    (text.charCodeAt(end - 3) << 18) ^
    (text.charCodeAt(end - 4) << 12) ^
    (text.charCodeAt(end - 5) << 6) ^
    text.charCodeAt(end - 6)
  );
}
