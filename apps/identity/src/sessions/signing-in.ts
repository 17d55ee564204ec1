import { mintFactColumns } from '../access-tokens/mint-facts.js';
import type { MintFacts } from '../access-tokens/mint-facts.js';
import { DEFAULT_CLIENT_ID, isForSignIn } from '../access-tokens/client.js';
import type { Account } from '../accounts/account.js';
import { ACCOUNT_COLUMNS } from '../accounts/accounts.js';
import type { Statement } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, lockingStatement } from '../platform/locks.js';

/** Everything that decides whether a session may begin, and what its first token says. */
export interface SigningIn extends Account, MintFacts {
  /** Whether the client is one that people sign in through. */
  readonly forSignIn: boolean;
  /** How many sessions of the account are live. */
  readonly others: number;
  /** NumericDate seconds, fractional. */
  readonly now: number;
}

/** What is read before a password is compared; without an account where the address has none. */
export type Claimed = (Account | { readonly id: null }) & Pick<SigningIn, 'forSignIn'>;

/** The client that somebody signs in through: the first-party one when none is named. */
export const signInClient = (named: string | undefined): string => named ?? DEFAULT_CLIENT_ID;

/** Reads {@link Claimed}, always in one row. */
export const readingClaimed = (email: string, clientId: string): Statement => ({
  name: 'claimed_account',
  text: `SELECT ${ACCOUNT_COLUMNS}, "forSignIn"
    FROM (SELECT ${isForSignIn('$2')} AS "forSignIn") AS client LEFT JOIN accounts ON email = $1`,
  values: [email, clientId],
});

/** Takes the locks under which a session begins. */
export const lockingSignIn = (accountId: string, clientId: string, sid: string): string =>
  lockingStatement(
    [
      KEY_RING_LOCK,
      { resource: 'client' as const, id: clientId },
      { resource: 'account' as const, id: accountId },
      { resource: 'session' as const, id: sid },
    ].map((lock) => ({ ...lock, mode: 'shared' as const })),
  );

/** Reads it under the locks, in one row, or none where there is no such account. */
export const readingSignIn = (accountId: string, clientId: string): Statement => ({
  name: 'signing_in',
  text: `SELECT ${ACCOUNT_COLUMNS}, ${mintFactColumns('accounts.id::text', '$2')},
      ${isForSignIn('$2')} AS "forSignIn",
      (SELECT count(*)::integer FROM sessions AS o WHERE o.account_id = $1 AND o.ended_at IS NULL
        AND least(o.expires_at, o.idle_expires_at) > clock_timestamp()) AS others,
      extract(epoch FROM clock_timestamp())::float8 AS now
    FROM accounts WHERE id = $1`,
  values: [accountId, clientId],
});

export const unknownClient = (): DomainError =>
  new DomainError('unknown_client', 'client_id is not a client that people sign in through');
