import { createVerify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readAccessToken } from './access-token.js';
import type { AccessToken } from './access-token.js';
import { splitUnverifiedJws } from './compact-jws.js';
import type { UnverifiedJws } from './compact-jws.js';
import { TokenRejected, VerifierUnavailable } from './errors.js';
import type { KeySet } from './key-set.js';
import { ProtectedHeaders, readKid } from './protected-header.js';
import type { KeySource } from './sources.js';
import { VerifiedTokens } from './verified-tokens.js';
import type { VerifiedToken } from './verified-tokens.js';

/** Turns the text of tokens into claims that a published key has signed, each token once. */
export class SignatureVerifier {
  readonly #headers = new ProtectedHeaders();
  readonly #verified = new VerifiedTokens({ maxEntries: 20_000, maxBytes: 32 * 1024 * 1024 });

  constructor(private readonly keys: KeySource) {}

  /** A token whose signature was verified before with the keys in force. */
  recall(text: string): VerifiedToken | undefined {
    const keys = this.keys.current();
    return keys && this.#verified.get(text, keys);
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
    if (key && isSignedBy(key, jws)) return this.#remember(jws, token, keys);
    return this.#verifyWithNewerKeys(jws, token, key);
  }

  #remember(jws: UnverifiedJws, token: AccessToken, keys: KeySet): VerifiedToken {
    const entry = { text: token.encoded, keys, token, clearedAt: -1 };
    this.#headers.remember(jws, token.keyId);
    this.#verified.add(entry);
    return entry;
  }

  /**
   * For an unknown `kid`, or a signature that does not verify: perhaps ours is an old set. Asks for a newer one.
   */
  async #verifyWithNewerKeys(
    jws: UnverifiedJws,
    token: AccessToken,
    tried: KeyObject | undefined,
  ): Promise<VerifiedToken> {
    await this.keys.refreshForUnknownKey();
    const keys = this.#current();
    const key = keys.get(token.keyId);
    if (!key) this.#rejectUnknownKey();
    if (key === tried || !isSignedBy(key, jws)) {
      throw new TokenRejected('bad_signature', 'the signature does not verify');
    }
    return this.#remember(jws, token, keys);
  }

  #current(): KeySet {
    const keys = this.keys.current();
    if (!keys) throw new VerifierUnavailable('keys_unreachable', 'no key set that may be used');
    return keys;
  }

  #rejectUnknownKey(): never {
    if (this.keys.state().lastError === undefined) {
      throw new TokenRejected('unknown_key', 'no published key has this kid');
    }
    const reason = 'unknown kid, and the key set cannot be refreshed';
    throw new VerifierUnavailable('keys_unreachable', reason);
  }
}

function isSignedBy(key: KeyObject, { signature, signedText }: UnverifiedJws): boolean {
  if (signature.length * 8 !== modulusBits(key)) return false;
  return createVerify('sha256').update(signedText, 'latin1').verify(key, signature);
}

/** `asymmetricKeyDetails` asks OpenSSL each time. */
const modulusBitsOf = new WeakMap<KeyObject, number>();
function modulusBits(key: KeyObject): number {
  let bits = modulusBitsOf.get(key);
  if (bits === undefined) {
    bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    modulusBitsOf.set(key, bits);
  }
  return bits;
}
