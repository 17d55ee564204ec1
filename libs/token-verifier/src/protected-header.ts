import { decodeUnverifiedHeader } from './compact-jws.js';
import type { UnverifiedJws } from './compact-jws.js';
import { TokenRejected } from './errors.js';

/** Headers of one key are all alike: so many different ones are remembered. */
const MAX_REMEMBERED = 64;

/** Reads protected headers, each spelling once. What it remembers is a function of the text alone. */
export class ProtectedHeaders {
  readonly #kids = new Map<string, string>();

  /**
   * The `kid` of an unverified token whose header is as it must be. Every other member that could steer verification
   * (`jku`, `jwk`, `x5u`, `x5c`) is ignored.
   *
   * @throws {TokenRejected} `malformed`, `algorithm_not_allowed` or `unexpected_type`
   */
  kidOf(jws: UnverifiedJws): string {
    const known = this.#kids.get(jws.headerText);
    if (known !== undefined) return known;
    return checkHeader(decodeUnverifiedHeader(jws));
  }

  /** Remembers the header of a token that turned out good. Only those: junk must not fill the memory. */
  remember(jws: UnverifiedJws, kid: string): void {
    if (this.#kids.has(jws.headerText)) return;
    if (this.#kids.size >= MAX_REMEMBERED) this.#kids.clear();
    this.#kids.set(jws.headerText, kid);
  }
}

function checkHeader({ alg, typ, kid, ...others }: Readonly<Record<string, unknown>>): string {
  if (alg !== 'RS256') throw new TokenRejected('algorithm_not_allowed', 'alg is not RS256');
  if (typeof typ !== 'string' || !/^(application\/)?at\+jwt$/i.test(typ)) {
    throw new TokenRejected('unexpected_type', 'typ is not at+jwt');
  }
  if ('crit' in others || 'b64' in others || 'zip' in others) {
    throw new TokenRejected('malformed', 'crit, b64 and zip are not supported');
  }
  if (typeof kid !== 'string' || !/^[\w-]{1,256}$/.test(kid)) {
    throw new TokenRejected('malformed', 'kid is missing or not an identifier');
  }
  return kid;
}
