/** The claims of an access token (RFC 9068 §2.2) by name, as a payload has them: of whatever type, `undefined` when absent. */
export interface Claims {
  readonly iss?: unknown;
  readonly sub?: unknown;
  readonly aud?: unknown;
  readonly exp?: unknown;
  readonly iat?: unknown;
  readonly nbf?: unknown;
  readonly jti?: unknown;
  readonly client_id?: unknown;
  readonly scope?: unknown;
  readonly sid?: unknown;
  readonly auth_time?: unknown;
  readonly roles?: unknown;
}

/** How a claim is spelled: a whole number; a text of its own in each token; a text or list that most tokens have alike. */
type Kind = 'number' | 'own' | 'alike';

/** In the order in which identity writes them, which saves looking. */
const MEMBERS: readonly (readonly [name: keyof Claims, kind: Kind])[] = [
  ['iss', 'alike'],
  ['sub', 'own'],
  ['aud', 'alike'],
  ['exp', 'number'],
  ['iat', 'number'],
  ['jti', 'own'],
  ['client_id', 'alike'],
  ['scope', 'alike'],
  ['sid', 'own'],
  ['auth_time', 'number'],
  ['roles', 'alike'],
  ['nbf', 'number'],
];
const SPELLED = MEMBERS.map(([name]) => Buffer.from(`"${name}":`));
const KINDS = MEMBERS.map(([, kind]) => kind);

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** More digits than these could lose some as a number. */
const MAX_DIGITS = 15;

/**
 * Reads payloads that are spelled the plain way: one object of known claims and no others, each once; no white space, no
 * escapes, ASCII only; whole numbers, texts, lists of texts. Of every other payload it says that it cannot read it, and the
 * general parser decides. What it does read, it reads as `JSON.parse` would, only faster: reading is most of what
 * a verification costs besides the signature.
 *
 * Not reentrant: it keeps its place in itself.
 */
export class PlainClaimsReader {
  readonly #alike = MEMBERS.map(() => new AlikeValue());
  readonly #values: unknown[] = MEMBERS.map(() => undefined);
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #at = 0;

  /**
   * Reads the first `length` of `bytes`.
   *
   * @returns `undefined` when the payload is not spelled the plain way, and nothing is said about it
   */
  read(bytes: Buffer, length: number): Claims | undefined {
    const values = this.#values;
    this.#bytes = bytes;
    this.#length = length;
    this.#at = 1;
    values.fill(undefined);
    if (bytes[0] !== OPENING_BRACE || !this.#readMembers(values)) return undefined;
    return {
      iss: values[0],
      sub: values[1],
      aud: values[2],
      exp: values[3],
      iat: values[4],
      jti: values[5],
      client_id: values[6],
      scope: values[7],
      sid: values[8],
      auth_time: values[9],
      roles: values[10],
      nbf: values[11],
    };
  }

  #readMembers(values: unknown[]): boolean {
    for (let member = 0; ; member += 1) {
      member = this.#readName(member);
      if (member === -1 || values[member] !== undefined) return false;
      const value = this.#readValue(member);
      if (value === undefined) return false;
      values[member] = value;
      const next = this.#bytes[this.#at];
      this.#at += 1;
      if (next === CLOSING_BRACE) return this.#at === this.#length;
      if (next !== COMMA) return false;
    }
  }

  /** The number of the member whose name and colon come next, or -1. */
  #readName(expected: number): number {
    for (let tries = 0; tries < SPELLED.length; tries += 1) {
      const member = (expected + tries) % SPELLED.length;
      const spelled = SPELLED[member];
      if (spelled && this.#isNext(spelled)) {
        this.#at += spelled.length;
        return member;
      }
    }
    return -1;
  }

  #readValue(member: number): unknown {
    const kind = KINDS[member];
    if (kind === 'number') return this.#readNumber();
    return kind === 'own' ? this.#readOwnText() : this.#readAlike(member);
  }

  /** A whole number without sign, fraction or exponent. */
  #readNumber(): number | undefined {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let value = 0;
    for (;;) {
      // Past the end there is no digit either.
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at += 1;
    }
    this.#at = at;
    const digits = at - start;
    const hasLeadingZero = digits > 1 && bytes[start] === ZERO;
    return digits === 0 || digits > MAX_DIGITS || hasLeadingZero ? undefined : value;
  }

  #readOwnText(): string | undefined {
    const start = this.#at + 1;
    const end = this.#endOfText();
    return end === -1 ? undefined : this.#bytes.toString('latin1', start, end);
  }

  #readAlike(member: number): unknown {
    const alike = this.#alike[member];
    if (!alike) return undefined;
    if (this.#isNext(alike.spelling)) {
      this.#at += alike.spelling.length;
      return alike.value;
    }
    const start = this.#at;
    const isList = this.#bytes[start] === OPENING_BRACKET;
    const end = isList ? this.#endOfList() : this.#endOfText() + 1;
    return end > start ? alike.learn(this.#bytes.toString('latin1', start, end)) : undefined;
  }

  /** Steps over a text. @returns where its closing quote is, or -1 when it is none, or not plain */
  #endOfText(): number {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== QUOTE) return -1;
    for (let at = this.#at + 1; ; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return at;
      }
      if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
    }
  }

  /** Steps over a list of texts. @returns where it ends, or -1 when it is not plain */
  #endOfList(): number {
    this.#at += 1;
    for (;;) {
      if (this.#endOfText() === -1) return -1;
      const next = this.#bytes[this.#at];
      this.#at += 1;
      if (next === CLOSING_BRACKET) return this.#at;
      if (next !== COMMA) return -1;
    }
  }

  #isNext(spelling: Buffer): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    for (let n = 0; n < spelling.length; n += 1) if (bytes[start + n] !== spelling[n]) return false;
    return true;
  }
}

/** The last value of a claim that most tokens have alike, with its spelling: shared by all tokens that spell it so. */
class AlikeValue {
  /** No value is spelled like this. */
  spelling = Buffer.from('\0');
  value: unknown;

  /** @param spelling a text or a list of texts, plain */
  learn(spelling: string): unknown {
    this.spelling = Buffer.from(spelling);
    this.value = Object.freeze(JSON.parse(spelling));
    return this.value;
  }
}
