import type { IdentityConfig } from '../config/identity-config.js';
import type { Rate } from '../config/attempt-settings.js';
import type { DelayPolicy } from './growing-delay.js';

/** What somebody tries. */
export type AttemptKind =
  | 'sign_in'
  | 'password_check'
  | 'right_password'
  | 'message'
  | 'email_token'
  | 'refresh'
  | 'request'
  | 'client_credentials';

/** What an attempt is counted by. */
export type CountedBy =
  'device' | 'session' | 'account' | 'email' | 'client' | 'address' | 'network' | 'all';

/** Who tries, by keys that tell nothing. What is not known, or not meant for this kind, is left out. */
export interface Who {
  readonly address: string;
  /** The neighbourhood of the address. */
  readonly network: string;
  /** The e-mail address that is named, whether there is an account or not. */
  readonly email?: string | undefined;
  /** The device, when it is known for that e-mail address. */
  readonly device?: string | undefined;
  /** The account that has signed in, and the session in which. */
  readonly account?: string | undefined;
  readonly session?: string | undefined;
  /** The client that is named. */
  readonly client?: string | undefined;
}

/** How attempts are bounded: so many in a time, or by waits that grow. */
export type Bound =
  | { readonly type: 'rate'; readonly rate: Rate }
  | { readonly type: 'delays'; readonly policy: DelayPolicy };

/** One counter that an attempt has to pass. */
export interface Counter {
  /** Counters of one name share their bound. */
  readonly name: string;
  readonly by: CountedBy;
  readonly key: string;
  readonly bound: Bound;
  /** Each replica counts for itself. */
  readonly local?: true;
}

/**
 * The counters that an attempt has to pass, in this order; pure. The network comes before what counts everybody, so that one
 * neighbourhood cannot use that up, not even with attempts that are refused; and both before the others: they bound how many keys
 * those can have.
 *
 * A device that is known for the account passes its own counter in place of those by address: neither guesses at the account from
 * elsewhere nor a flood from the same address can lock its owner out. Only what bounds all messages bounds those of such devices too,
 * and those of one network together: anybody can have as many of them as they have accounts.
 *
 * The current password is guessed at in a session: a thief in one waits there, and does not keep the owner waiting in another. So
 * many sessions can be stolen, so what is tried in all of an account together is bounded too, well above what one alone can try.
 *
 * Right passwords are counted by nothing that a stranger shares or reaches: they bound how many hashes somebody has for accounts of
 * their own.
 */
export function countersFor(
  kind: AttemptKind,
  who: Who,
  config: IdentityConfig,
): readonly Counter[] {
  const delays: Bound = {
    type: 'delays',
    policy: {
      freeFailures: config.SIGN_IN_FREE_FAILURES,
      firstSeconds: config.SIGN_IN_FIRST_DELAY_SECONDS,
      longestSeconds: config.SIGN_IN_LONGEST_DELAY_SECONDS,
    },
  };
  const per = (by: CountedBy, key: string | undefined, bound: Rate | Bound): Counter[] =>
    key === undefined
      ? []
      : [
          {
            name: `${kind}:${by}`,
            by,
            key,
            bound: 'type' in bound ? bound : { type: 'rate', rate: bound },
          },
        ];
  switch (kind) {
    case 'sign_in':
      if (who.device !== undefined) return per('device', who.device, delays);
      return [
        ...per('network', who.network, config.SIGN_IN_FAILURES_PER_NETWORK),
        ...per('all', 'all', config.SIGN_IN_FAILURES_IN_ALL),
        ...per('address', who.address, config.SIGN_IN_FAILURES_PER_ADDRESS),
        ...per('email', who.email, delays),
      ];
    case 'password_check':
      return [
        ...per('session', who.session, delays),
        ...per('account', who.account, config.PASSWORD_CHECKS_PER_ACCOUNT),
      ];
    case 'right_password':
      if (who.account !== undefined) return per('account', who.account, config.RIGHT_PASSWORDS);
      if (who.device !== undefined) return per('device', who.device, config.RIGHT_PASSWORDS);
      return per('email', who.email, config.RIGHT_PASSWORDS);
    case 'message':
      if (who.device !== undefined) {
        return [
          // Not together with strangers: those must not keep known devices waiting.
          ...per('network', `known:${who.network}`, config.MESSAGES_PER_NETWORK),
          ...per('all', 'all', config.MESSAGES_IN_ALL),
          ...per('device', who.device, config.MESSAGES_PER_EMAIL),
        ];
      }
      return [
        ...per('network', who.network, config.MESSAGES_PER_NETWORK),
        ...per('all', 'all', config.MESSAGES_IN_ALL),
        ...per('address', who.address, config.MESSAGES_PER_ADDRESS),
        ...per('email', who.email, config.MESSAGES_PER_EMAIL),
      ];
    case 'email_token':
      return per('address', who.address, config.EMAIL_TOKEN_FAILURES_PER_ADDRESS);
    case 'refresh':
      return [
        ...per('network', who.network, config.REFRESHES_PER_NETWORK),
        ...per('address', who.address, config.REFRESHES_PER_ADDRESS),
      ].map((counter) => ({ ...counter, local: true }));
    case 'request':
      return [
        ...per('network', who.network, config.REQUESTS_PER_NETWORK),
        ...per('address', who.address, config.REQUESTS_PER_ADDRESS),
      ].map((counter) => ({ ...counter, local: true }));
    case 'client_credentials':
      return [
        ...per('address', who.address, config.CLIENT_FAILURES_PER_ADDRESS),
        ...per('client', who.client, config.CLIENT_FAILURES_PER_CLIENT),
      ];
  }
}

/**
 * How an attempt ended: `proved` when what was given was right and something else was in the way; `untried` when nothing was learnt by it, `malformed` when it was refused for its shape alone, and nobody
 * was asked about it.
 */
export type Outcome = 'accepted' | 'proved' | 'rejected' | 'untried' | 'malformed';

/** Whether an attempt stays counted. */
export function counts(kind: AttemptKind, outcome: Outcome): boolean {
  switch (kind) {
    case 'refresh':
      return outcome !== 'malformed';
    case 'request':
      return true;
    case 'message':
      return outcome === 'accepted';
    case 'right_password':
      return outcome === 'accepted' || outcome === 'proved';
    case 'sign_in':
    case 'password_check':
    case 'email_token':
    case 'client_credentials':
      return outcome === 'rejected';
  }
}
