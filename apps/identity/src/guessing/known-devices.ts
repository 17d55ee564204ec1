import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Ids } from '../platform/ids.js';
import { AttemptKeys } from './attempt-keys.js';

/** `d1.<issued, NumericDate in base 36>.<random id>.<mac>`; at most a hundred characters. */
const TOKEN = /^d1\.([0-9a-z]{1,9})\.([\w-]{43})\.([\w-]{43})$/;
/** How many accounts one device is remembered for. */
const MOST_ACCOUNTS = 5;
const SEPARATOR = '~';

/**
 * Devices on which somebody has signed in to an account. Their wrong passwords are counted apart, so that a stranger who guesses
 * cannot make the owner wait ("device cookies" of OWASP). Nothing is stored: what a device holds is a list of tokens, one for each
 * account, bound to the e-mail address by an HMAC. A token opens nothing; who steals it may guess as slowly as everybody.
 */
@Injectable()
export class KnownDevices {
  constructor(
    private readonly config: IdentityConfig,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly keys: AttemptKeys,
  ) {}

  /**
   * The id of the device on which this account was signed in to; `undefined` when it is not known.
   *
   * @param held what the device sends, whatever that is
   */
  recognise(held: string, email: string): string | undefined {
    return tokensIn(held)
      .map((token) => this.#read(token, email))
      .find((id) => id !== undefined);
  }

  /** What the device is to hold after a sign-in: a new token for this account first, then those of others. It stays the same device. */
  remember(held: string, email: string): string {
    const others = tokensIn(held).filter((token) => this.#read(token, email) === undefined);
    const id = this.recognise(held, email) ?? this.ids.secret();
    const issued = this.#now().toString(36);
    const token = `d1.${issued}.${id}.${this.#mac(email, issued, id).toString('base64url')}`;
    return [token, ...others].slice(0, MOST_ACCOUNTS).join(SEPARATOR);
  }

  #read(token: string, email: string): string | undefined {
    const [, issued = '', id = '', mac = ''] = TOKEN.exec(token) ?? [];
    const given = Buffer.from(mac, 'base64url');
    const expected = this.#mac(email, issued, id);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const age = this.#now() - Number.parseInt(issued, 36);
    return age <= this.config.KNOWN_DEVICE_TTL_SECONDS ? id : undefined;
  }

  #mac(email: string, issued: string, id: string): Buffer {
    return this.keys.mac('known device', email, issued, id);
  }

  #now(): number {
    return Math.floor(this.clock.now().getTime() / 1000);
  }
}

/** Never more than are ever given out, whatever is sent. */
function tokensIn(held: string): readonly string[] {
  return held
    .slice(0, 1_000)
    .split(SEPARATOR)
    .filter((token) => TOKEN.test(token))
    .slice(0, MOST_ACCOUNTS);
}
