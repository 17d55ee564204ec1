import { verify as verifySignature } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readAccessToken } from './access-token.js';
import type { AccessToken } from './access-token.js';
import { MAX_TOKEN_LENGTH, splitUnverifiedJws } from './compact-jws.js';
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
   * Verifies a token that is not remembered.
   *
   * @param check looks at the claims and throws; before the signature, because it is cheaper. It must not believe them.
   * @throws {TokenRejected} or what `check` throws
   * @throws {VerifierUnavailable} `keys_unreachable`
   */
  async verify(text: string, check: (claims: AccessToken) => void): Promise<VerifiedToken> {
    const jws = splitUnverifiedJws(text);
    const knownKid = this.#headers.recall(jws);
    const kid = knownKid ?? readKid(jws);
    const token = readAccessToken(jws.payload, kid, text);
    check(token);
    const current = this.#current();
    const key = current.get(kid);
    const keys =
      key && isSignedBy(key, jws) ? current : await this.#verifyWithNewerKeys(jws, kid, key);
    const entry = { text, keys, token, clearedAt: -1 };
    if (knownKid === undefined) this.#headers.remember(jws, kid);
    this.#verified.add(entry);
    return entry;
  }

  /**
   * For an unknown `kid`, or a signature that does not verify: perhaps ours is an old set. Asks for a newer one.
   *
   * @returns the newer set, when the signature verifies with it
   */
  async #verifyWithNewerKeys(
    jws: UnverifiedJws,
    kid: string,
    tried: KeyObject | undefined,
  ): Promise<KeySet> {
    await this.keys.refreshForUnknownKey();
    const keys = this.#current();
    const key = keys.get(kid);
    if (!key) this.#rejectUnknownKey();
    if (key === tried || !isSignedBy(key, jws)) {
      throw new TokenRejected('bad_signature', 'the signature does not verify');
    }
    return keys;
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

/** Nothing waits between writing and reading it. */
const scratch = Buffer.allocUnsafeSlow(MAX_TOKEN_LENGTH);

function isSignedBy(key: KeyObject, { signature, signedText }: UnverifiedJws): boolean {
  if (signature.length * 8 !== modulusBits(key)) return false;
  const signed = scratch.subarray(0, scratch.write(signedText, 'latin1'));
  return verifySignature('sha256', signed, key, signature);
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
