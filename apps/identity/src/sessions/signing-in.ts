import pg from 'pg';
import { mintFactColumns } from '../access-tokens/mint-facts.js';
import type { MintFacts } from '../access-tokens/mint-facts.js';
import { DEFAULT_CLIENT_ID, isForSignIn } from '../access-tokens/client.js';
import type { Account } from '../accounts/account.js';
import { ACCOUNT_COLUMNS } from '../accounts/accounts.js';
import type { Statement } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, lockingStatement, tryingLock } from '../platform/locks.js';

/** Everything that decides whether a session may begin, and what its first token says. */
export interface SigningIn extends Account, MintFacts {
  /** Whether the client is one that people sign in through. */
  readonly forSignIn: boolean;
  /** How many sessions of the account are live. */
  readonly others: number;
  /** NumericDate seconds, fractional. */
  readonly now: number;
}

/** Who signs in through which client. */
export interface ClaimedSignIn {
  /** Normalised. */
  readonly email: string;
  readonly clientId: string;
}

/** What a session that begins stands on, and will be known by. */
export interface BeginningSession {
  readonly accountId: string;
  readonly clientId: string;
  readonly sid: string;
}

/** What is read before a password is compared; without an account where the address has none. */
export type Claimed = (Account | { readonly id: null }) & Pick<SigningIn, 'forSignIn'>;

/** The client that somebody signs in through: the first-party one when none is named. */
export const signInClient = (named: string | undefined): string => named ?? DEFAULT_CLIENT_ID;

/** Reads {@link Claimed}: a row for each, in their order. */
export const readingClaimed = (asked: readonly ClaimedSignIn[]): Statement => ({
  name: 'claimed_accounts',
  text: `SELECT ${ACCOUNT_COLUMNS}, ${isForSignIn('"clientId"')} AS "forSignIn"
    FROM ROWS FROM (json_to_recordset($1::json) AS ("email" text, "clientId" text))
      WITH ORDINALITY AS asked("askedEmail", "clientId", n)
      LEFT JOIN accounts ON email = "askedEmail" ORDER BY n`,
  values: [JSON.stringify(asked)],
});

const signInLocks = ({ accountId, clientId, sid }: BeginningSession) =>
  [
    KEY_RING_LOCK,
    { resource: 'client' as const, id: clientId },
    { resource: 'account' as const, id: accountId },
    { resource: 'session' as const, id: sid },
  ].map((lock) => ({ ...lock, mode: 'shared' as const }));

/** Takes the locks under which a session begins. */
export const lockingSignIn = (beginning: BeginningSession): string =>
  lockingStatement(signInLocks(beginning));

/** How {@link tryingSignIns} answers. */
export interface LockedSignIn {
  readonly locked: boolean;
}

/** Takes those of many sessions where it need not wait for them: a {@link LockedSignIn} for each, in their order. */
export function tryingSignIns(beginning: readonly BeginningSession[]): string {
  const tries = beginning.map((one, n) => {
    const locks = signInLocks(one).map(({ resource, mode, id }) =>
      tryingLock({ resource, mode, idExpression: pg.escapeLiteral(id) }),
    );
    return `SELECT ${String(n)} AS n, ${locks.join(' AND ')} AS locked`;
  });
  return `${tries.join(' UNION ALL ')} ORDER BY n`;
}

/** Reads it under the locks: a row for each in their order, whose `id` is null where there is no such account. */
export const readingSignIns = (beginning: readonly BeginningSession[]): Statement => ({
  name: 'signing_in',
  text: `SELECT ${ACCOUNT_COLUMNS}, ${mintFactColumns('"accountId"::text', '"clientId"')},
      ${isForSignIn('"clientId"')} AS "forSignIn",
      (SELECT count(*)::integer FROM sessions AS o WHERE o.account_id = "accountId" AND o.ended_at IS NULL
        AND least(o.expires_at, o.idle_expires_at) > clock_timestamp()) AS others,
      extract(epoch FROM clock_timestamp())::float8 AS now
    FROM ROWS FROM (json_to_recordset($1::json) AS ("accountId" uuid, "clientId" text))
      WITH ORDINALITY AS asked("accountId", "clientId", n)
      LEFT JOIN accounts ON id = "accountId" ORDER BY n`,
  values: [JSON.stringify(beginning.map(({ accountId, clientId }) => ({ accountId, clientId })))],
});

export const unknownClient = (): DomainError =>
  new DomainError('unknown_client', 'client_id is not a client that people sign in through');
