import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Accounts } from '../accounts/accounts.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Clock } from '../platform/clock.js';
import { Ids } from '../platform/ids.js';
import { AttemptKeys } from './attempt-keys.js';

/** `d2.<issued, NumericDate in base 36>.<id>.<digest of the password's era>.<mac>`; at most a hundred characters. */
const TOKEN = /^d2\.([0-9a-z]{1,9})\.(\d{1,2})\.([\w-]{11})\.([\w-]{43})$/;
/** So many ids an account has for its devices: who signs in on a thousand can still guess only as often as on these. */
const IDS = 16;
/** How many accounts one device is remembered for. */
const MOST_ACCOUNTS = 5;
const SEPARATOR = '~';

/** What a token of ours says, verified. */
interface KnownToken {
  readonly id: string;
  /** A digest: the token tells nobody how often the password was changed. */
  readonly era: string;
}

/**
 * Devices on which somebody has signed in to an account. Their wrong passwords are counted apart, so that a stranger who guesses
 * cannot make the owner wait ("device cookies" of OWASP). Nothing is stored: what a device holds is a list of tokens, one for each
 * account, bound by an HMAC to the e-mail address and to the password: when that is set anew, no device is known any more. A token
 * opens nothing; who steals it may guess as slowly as everybody.
 */
@Injectable()
export class KnownDevices {
  constructor(
    private readonly config: IdentityConfig,
    private readonly clock: Clock,
    private readonly ids: Ids,
    private readonly keys: AttemptKeys,
    private readonly accounts: Accounts,
  ) {}

  /**
   * The id of the device on which this account was signed in to; `undefined` when it is not known. Asks the database only about what we
   * have given out ourselves.
   *
   * @param held what the device sends, whatever that is
   */
  async recognise(held: string, email: string): Promise<string | undefined> {
    const known = this.#ownToken(held, email);
    if (!known) return undefined;
    const era = await this.accounts.passwordEra(email);
    return era !== undefined && this.#digestOf(era) === known.era ? known.id : undefined;
  }

  /**
   * What the device is to hold after a sign-in: a new token for this account first, then those of others. It stays the same device.
   *
   * @param era of the password by which it was signed in
   */
  remember(held: string, email: string, era: string): string {
    const others = tokensIn(held).filter((token) => !this.#read(token, email));
    const digest = this.#digestOf(era);
    const before = this.#ownToken(held, email);
    const id = before?.era === digest ? before.id : String(this.ids.below(IDS));
    const issued = this.#now().toString(36);
    const mac = this.#mac(email, issued, id, digest).toString('base64url');
    const token = `d2.${issued}.${id}.${digest}.${mac}`;
    return [token, ...others].slice(0, MOST_ACCOUNTS).join(SEPARATOR);
  }

  #ownToken(held: string, email: string): KnownToken | undefined {
    return tokensIn(held)
      .map((token) => this.#read(token, email))
      .find((known) => known !== undefined);
  }

  #read(token: string, email: string): KnownToken | undefined {
    const [, issued = '', id = '', era = '', mac = ''] = TOKEN.exec(token) ?? [];
    const given = Buffer.from(mac, 'base64url');
    const expected = this.#mac(email, issued, id, era);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const age = this.#now() - Number.parseInt(issued, 36);
    return age <= this.config.KNOWN_DEVICE_TTL_SECONDS ? { id, era } : undefined;
  }

  #mac(email: string, issued: string, id: string, era: string): Buffer {
    return this.keys.mac('known device', email, issued, id, era);
  }

  #digestOf(era: string): string {
    return this.keys.mac('password era', era).subarray(0, 8).toString('base64url');
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
