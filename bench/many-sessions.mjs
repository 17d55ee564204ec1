// Sessions that are written straight into the database: to sign in so often would take an hour.
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { MasterKeys } from '../apps/identity/dist/sealing/master-keys.js';
import { seal } from '../apps/identity/dist/sealing/sealed.js';
import { makeRefreshToken } from '../apps/identity/dist/sessions/refresh/refresh-token.js';

const AT_ONCE = 1_000;

/** @returns the sid and the refresh token of each */
export async function makeSessions({ databaseUrl, masterKeyFile }, count) {
  const keys = MasterKeys.fromFile(masterKeyFile);
  const database = new pg.Client(databaseUrl);
  await database.connect();
  const sessions = [];
  while (sessions.length < count) {
    const made = Array.from({ length: Math.min(AT_ONCE, count - sessions.length) }, () => {
      const sid = randomUUID();
      const secret = randomBytes(32);
      const { box } = seal(keys, secret, `session:${sid}`);
      return { sid, box, refreshToken: makeRefreshToken(sid, 0, secret) };
    });
    await database.query(
      `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, auth_time, created_at, last_seen_at, expires_at,
         idle_expires_at, sealed_secret, master_key_id)
       SELECT s.sid, a.id, 'first-party', 'bearer', false, t, t, t, t + interval '12 hours', t + interval '1 hour', s.box, $3
       FROM accounts AS a, now() AS t, unnest($1::uuid[], $2::bytea[]) AS s (sid, box)`,
      [made.map(({ sid }) => sid), made.map(({ box }) => box), keys.current.id],
    );
    sessions.push(...made.map(({ sid, refreshToken }) => ({ sid, refreshToken })));
  }
  await database.end();
  return sessions;
}
