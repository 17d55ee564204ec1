import type { KeyObject } from 'node:crypto';
import type { Instant } from '@countersign/revocation';
import { readAccessToken } from './access-token.js';
import type { AccessToken } from './access-token.js';
import { splitUnverifiedJws } from './compact-jws.js';
import type { UnverifiedJws } from './compact-jws.js';
import { TokenRejected, VerifierUnavailable } from '../errors.js';
import { isThumbprint } from '../keys/key-set.js';
import type { KeySet } from '../keys/key-set.js';
import { ProtectedHeaders, readKid } from './protected-header.js';
import { isSignedBy } from './rs256.js';
import type { KeySource } from '../sources.js';
import { VerifiedTokens } from './verified-tokens.js';
import type { VerifiedToken } from './verified-tokens.js';

/** How much a {@link SignatureVerifier} has done since its start, and how many tokens it remembers. */
export interface SignatureCounts {
  readonly remembered: number;
  /** Tokens that were remembered, and those that were not. */
  readonly recalled: number;
  readonly missed: number;
  /** Tokens whose `kid` the key set did not have when they arrived. */
  readonly unknownKids: number;
}

/** Turns the text of tokens into claims that a published key has signed, each token once. */
export class SignatureVerifier {
  readonly #headers = new ProtectedHeaders();
  readonly #verified = new VerifiedTokens({ maxEntries: 20_000, maxBytes: 32 * 1024 * 1024 });

  #recalled = 0;
  #missed = 0;
  #unknownKids = 0;

  /** @param isKeyRevoked what is known of a `kid` without any key set */
  constructor(
    private readonly keys: KeySource,
    private readonly isKeyRevoked: (kid: string) => boolean,
  ) {}

  counts(): SignatureCounts {
    return {
      remembered: this.#verified.size,
      recalled: this.#recalled,
      missed: this.#missed,
      unknownKids: this.#unknownKids,
    };
  }

  /** A token whose signature was verified before with the keys in force. */
  recall(text: string, now: Instant): VerifiedToken | undefined {
    const keys = this.keys.current(now);
    const entry = keys && this.#verified.get(text, keys);
    if (entry) this.#recalled += 1;
    else this.#missed += 1;
    return entry;
  }

  /**
   * Verifies a token that is not remembered: at once, unless the answer hangs on a newer key set.
   *
   * @param check looks at the claims and throws; before the signature, because it is cheaper. It must not believe them.
   * @throws {TokenRejected} or what `check` throws
   * @throws {VerifierUnavailable} `keys_unreachable`
   */
  verify(
    text: string,
    check: (claims: AccessToken) => void,
  ): VerifiedToken | Promise<VerifiedToken> {
    const jws = splitUnverifiedJws(text);
    const kid = this.#headers.recall(jws) ?? readKid(jws);
    const token = readAccessToken(jws.payload, kid, text);
    check(token);
    const keys = this.#current();
    const key = keys.get(kid);
    if (key && isSignedBy(key, jws.signature, jws.signedText))
      return this.#remember(jws, token, keys);
    return this.#verifyWithNewerKeys(jws, token, key);
  }

  #remember(jws: UnverifiedJws, token: AccessToken, keys: KeySet): VerifiedToken {
    const entry = { text: token.encoded, keys, token, clearedAt: -1 };
    this.#headers.remember(jws, token.keyId);
    this.#verified.add(entry);
    return entry;
  }

  /**
   * For an unknown `kid`, or a signature that does not verify: perhaps ours is an old set.
   *
   * Only a set that was asked for after the token arrived can say that there is no such key. Another key under a known `kid`
   * is possible only where kids are mere names.
   */
  async #verifyWithNewerKeys(
    jws: UnverifiedJws,
    token: AccessToken,
    tried: KeyObject | undefined,
  ): Promise<VerifiedToken> {
    if (!tried) {
      // No key set could help: the tokens of a revoked key must not cause fetches for as long as they are sent.
      if (this.isKeyRevoked(token.keyId)) throw new TokenRejected('revoked', 'its key was revoked');
      this.#unknownKids += 1;
      await this.keys.refreshForUnknownKey(token.keyId);
    } else if (!isThumbprint(token.keyId, tried)) {
      await this.keys.refreshForBadSignature?.();
    }
    const keys = this.#current();
    const key = keys.get(token.keyId);
    if (!key) throw new TokenRejected('unknown_key', 'no published key has this kid');
    if (key === tried || !isSignedBy(key, jws.signature, jws.signedText)) {
      throw new TokenRejected('bad_signature', 'the signature does not verify');
    }
    return this.#remember(jws, token, keys);
  }

  #current(): KeySet {
    const keys = this.keys.current();
    if (!keys) throw new VerifierUnavailable('keys_unreachable', 'no key set that may be used');
    return keys;
  }
}
