import type { JWK } from 'jose';
import type { EntityManager } from 'typeorm';
import type { TokenNames } from '../revocation/revocation-history.js';
import type { SigningKeyState } from '../signing-keys/signing-key.js';

/** What the database has of the things that a token names. `null`: it names none, or none that is known. */
export interface TokenFacts {
  /** The database's time, NumericDate. */
  readonly now: number;
  readonly key: {
    readonly kid: string;
    readonly state: SigningKeyState;
    readonly publicJwk: JWK;
    readonly activatedAt: Date | null;
    readonly retiredAt: Date | null;
    readonly endedAt: Date | null;
  } | null;
  readonly session: {
    readonly sid: string;
    readonly state: 'live' | 'ended' | 'expired';
    readonly accountId: string;
    readonly clientId: string;
    readonly createdAt: Date;
    readonly expiresAt: Date;
    readonly endedAt: Date | null;
    readonly endReason: string | null;
  } | null;
  readonly account: { readonly id: string; readonly state: 'enabled' | 'disabled' } | null;
  readonly client: {
    readonly id: string;
    readonly state: 'enabled' | 'disabled';
    readonly audiences: readonly string[];
  } | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function readTokenFacts(
  manager: EntityManager,
  { kid, sid, sub, client: clientId }: TokenNames,
): Promise<TokenFacts> {
  const one = async <T>(sql: string, value: string | undefined): Promise<T | null> =>
    value === undefined ? null : ((await manager.query<T[]>(sql, [value]))[0] ?? null);
  const uuid = (text: string | undefined) => (text && UUID.test(text) ? text : undefined);
  const [clock] = await manager.query<[{ now: number }]>(
    `SELECT extract(epoch FROM clock_timestamp())::float8 AS now`,
  );
  const session = await one<NonNullable<TokenFacts['session']>>(
    `SELECT sid, account_id AS "accountId", client_id AS "clientId", created_at AS "createdAt",
       least(expires_at, idle_expires_at) AS "expiresAt", ended_at AS "endedAt", end_reason AS "endReason",
       CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN least(expires_at, idle_expires_at) <= clock_timestamp() THEN 'expired'
         ELSE 'live' END AS state
     FROM sessions WHERE sid = $1`,
    uuid(sid),
  );
  return {
    now: clock.now,
    key: await one(
      `SELECT kid, state, public_jwk AS "publicJwk", activated_at AS "activatedAt",
         retired_at AS "retiredAt", ended_at AS "endedAt" FROM signing_keys WHERE kid = $1`,
      kid,
    ),
    session,
    account: await one(
      `SELECT id, CASE WHEN disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END AS state
       FROM accounts WHERE id = $1`,
      uuid(sub) ?? session?.accountId,
    ),
    client: await one(
      `SELECT id, audiences, CASE WHEN disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END AS state
       FROM clients WHERE id = $1`,
      clientId ?? session?.clientId,
    ),
  };
}
