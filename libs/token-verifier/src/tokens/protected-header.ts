import { decodeUnverifiedHeader } from './compact-jws.js';
import type { UnverifiedJws } from './compact-jws.js';
import { TokenRejected } from '../errors.js';

/** Headers of one key are all alike: so many different ones are remembered. */
const MAX_REMEMBERED = 64;

/** Remembers the headers of good tokens, so that each spelling is read once. */
export class ProtectedHeaders {
  readonly #kids = new Map<string, string>();
  /** The newest of them: nearly every token has it, and comparing costs less than looking up. */
  #newest: { readonly text: string; readonly kid: string } | undefined;

  /** The `kid` of a header that {@link remember} was told of. */
  recall({ headerText }: UnverifiedJws): string | undefined {
    const newest = this.#newest;
    return headerText === newest?.text ? newest.kid : this.#kids.get(headerText);
  }

  /** For tokens that turned out good only: junk must not fill the memory. */
  remember({ headerText }: UnverifiedJws, kid: string): void {
    if (headerText === this.#newest?.text || this.#kids.has(headerText)) return;
    if (this.#kids.size >= MAX_REMEMBERED) this.#kids.clear();
    this.#kids.set(headerText, kid);
    this.#newest = { text: headerText, kid };
  }
}

/**
 * The `kid` of an unverified token whose header is as it must be. Every other member that could steer verification (`jku`,
 * `jwk`, `x5u`, `x5c`) is ignored.
 *
 * @throws {TokenRejected} `malformed`, `algorithm_not_allowed` or `unexpected_type`
 */
export function readKid(jws: UnverifiedJws): string {
  const header = decodeUnverifiedHeader(jws);
  const { alg, typ, kid } = header;
  if (alg !== 'RS256') throw new TokenRejected('algorithm_not_allowed', 'alg is not RS256');
  if (typeof typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(typ)) {
    throw new TokenRejected('unexpected_type', 'typ is not at+jwt');
  }
  if (['crit', 'b64', 'zip'].some((member) => Object.hasOwn(header, member))) {
    throw new TokenRejected('malformed', 'crit, b64 and zip are not supported');
  }
  if (typeof kid !== 'string' || !/^[\w-]{1,256}$/.test(kid)) {
    throw new TokenRejected('malformed', 'kid is missing or not an identifier');
  }
  return kid;
}
