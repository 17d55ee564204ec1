import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { hash } from '@node-rs/argon2';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { ask, Browser } from '../../test/browser.js';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { SERVICE_SECRET, startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { Accounts } from '../accounts/accounts.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import type { Revocation } from '../revocation/revocation-log.js';
import { OPAQUE } from '../sessions/delivery/cookies.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRevocation } from '../signing-keys/key-revocation.js';

jest.setTimeout(180_000);

const ISSUER = 'http://localhost:8080';
const TRUSTED = 'https://app.example.test';
const PASSWORD = 'a long enough password';
const ann = { email: 'ann@example.test', password: PASSWORD };

let replica: Replica;
let identity: ServingIdentity;
let annId: string;
beforeAll(async () => {
  replica = await startReplica();
  const passwordHash = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2 });
  annId = await replica.get(Accounts).addVerified(ann.email, passwordHash, ['customer']);
  identity = await startServing(replica.databaseUrl, { TRUSTED_ORIGINS: TRUSTED });
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

const sql = <T>(text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T[]>(text, values));

async function signIn(who = ann) {
  const browser = new Browser(identity.public, ISSUER);
  const { status } = await browser.fetch('POST', '/auth/login', { ...who, delivery: 'session' });
  expect(status).toBe(200);
  const cookie = () => browser.cookies.get(OPAQUE.name)!.value;
  return { browser, cookie, sid: cookie().split('.')[0]! };
}

interface Asking {
  readonly audience?: string;
  readonly method?: string;
  readonly more?: readonly (readonly [string, string])[];
  readonly service?: string;
}
function swap(
  cookie: string,
  { audience = 'orders', method = 'GET', more = [], service = 'gateway' }: Asking = {},
) {
  const pair = Buffer.from(`${service}:${SERVICE_SECRET}`).toString('base64');
  return ask(identity.service, 'POST', '/forward-auth', {
    headers: ['authorization', `Basic ${pair}`, 'content-type', 'application/json'],
    body: JSON.stringify({
      audience,
      method,
      headers: [['cookie', `${OPAQUE.name}=${cookie}`], ...more],
    }),
  });
}
async function tokenOf(cookie: string, asking?: Asking): Promise<string> {
  const { status, body } = await swap(cookie, asking);
  expect({ status, body }).toMatchObject({ status: 200 });
  return (body['authorization'] as string).replace('Bearer ', '');
}

/** How many swaps have ended so. */
async function counted(outcome: string): Promise<number> {
  const metrics = await (await fetch(`${identity.operator}/metrics`)).text();
  const [, value] =
    new RegExp(`^countersign_swaps_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(metrics) ??
    [];
  return Number(value ?? 0);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(50);
  }
}

const revoke = (revocation: Revocation) =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, revocation));

describe('a swap', () => {
  it('makes a token of the session from its cookie, and remembers it', async () => {
    const { cookie, sid } = await signIn();
    const [issued, remembered] = [await counted('issued'), await counted('remembered')];
    const token = await tokenOf(cookie());
    expect(decodeJwt(token)).toMatchObject({
      sub: annId,
      sid,
      aud: expect.arrayContaining(['orders']),
    });
    expect(await tokenOf(cookie())).toBe(token);
    expect(await counted('issued')).toBe(issued + 1);
    expect(await counted('remembered')).toBe(remembered + 1);
  });

  it('is made once for fifty who ask at once, and once for each audience', async () => {
    const { cookie } = await signIn();
    const issued = await counted('issued');
    const tokens = await Promise.all(Array.from({ length: 50 }, () => tokenOf(cookie())));
    expect(new Set(tokens).size).toBe(1);
    expect(await counted('issued')).toBe(issued + 1);
    await tokenOf(cookie(), { audience: 'payments' });
    await tokenOf(cookie(), { audience: 'payments' });
    expect(await counted('issued')).toBe(issued + 2);
  });

  it('needs the very cookie: who knows the id alone gets nothing, and disturbs nobody', async () => {
    const { cookie, sid } = await signIn();
    const token = await tokenOf(cookie());
    for (const wrong of [`${sid}.${'a'.repeat(43)}`, `${cookie()}a`, sid, 'x']) {
      const answer = await swap(wrong);
      expect(answer).toMatchObject({ status: 401, body: { code: 'session_ended' } });
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/);
    }
    expect(await tokenOf(cookie())).toBe(token);
  });

  it('for a service that the client has nothing to do with is refused, and costs one token', async () => {
    const { cookie } = await signIn();
    const refused = { status: 401, body: { code: 'wrong_audience' } };
    expect(await swap(cookie(), { audience: 'stranger' })).toMatchObject(refused);
    const issued = await counted('issued');
    expect(await swap(cookie(), { audience: 'stranger' })).toMatchObject(refused);
    expect(await counted('issued')).toBe(issued);
  });

  it('of a request that another site could have caused is refused', async () => {
    const { cookie } = await signIn();
    const post = (...more: [string, string][]) => swap(cookie(), { method: 'POST', more });
    const refused = { status: 403, body: { code: 'origin_required' } };
    expect(await post()).toMatchObject(refused);
    expect(await post(['origin', 'https://evil.example'])).toMatchObject(refused);
    expect(await swap(cookie(), { more: [['upgrade', 'websocket']] })).toMatchObject(refused);
    for (const origin of [ISSUER, TRUSTED])
      expect((await post(['origin', origin])).status).toBe(200);
    expect((await post(['authorization', 'Bearer x'])).body).toMatchObject({
      code: 'multiple_credentials',
    });
  });

  it('is for gateways: nobody without a secret, and no service that has an audience', async () => {
    const { cookie } = await signIn();
    const open = await ask(identity.service, 'POST', '/forward-auth', {
      headers: ['content-type', 'application/json'],
      body: '{}',
    });
    expect(open).toMatchObject({ status: 401, body: { code: 'client_credentials_rejected' } });
    const orders = await swap(cookie(), { service: 'orders' });
    expect(orders).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect((await ask(identity.public, 'POST', '/forward-auth', { body: '{}' })).status).toBe(404);
    for (const bad of [{ audience: '' }, { method: 'G T' }, { more: [['host', 'x']] }] as const) {
      expect((await swap(cookie(), bad)).body).toMatchObject({ code: 'invalid_input' });
    }
  });
});

describe('the session', () => {
  it('is noted as used once a minute at most, which puts off its idle end', async () => {
    const { cookie, sid } = await signIn();
    const times = async () =>
      (
        await sql<{ seen: number; idle: number }>(
          `SELECT extract(epoch FROM last_seen_at)::float8 AS seen,
             extract(epoch FROM idle_expires_at)::float8 AS idle FROM sessions WHERE sid = $1`,
          [sid],
        )
      )[0]!;
    const begun = await times();
    for (let count = 0; count < 5; count += 1) await tokenOf(cookie());
    expect(await times()).toEqual(begun);
    await sql(
      `UPDATE sessions SET last_seen_at = last_seen_at - interval '2 min',
         idle_expires_at = idle_expires_at - interval '2 min' WHERE sid = $1`,
      [sid],
    );
    // Another audience has no token yet, so the session is looked at.
    await tokenOf(cookie(), { audience: 'payments' });
    const after = await times();
    expect(after.seen).toBeGreaterThanOrEqual(begun.seen);
    expect(after.idle).toBeGreaterThanOrEqual(begun.idle);
  });

  it.each(['expires_at', 'idle_expires_at'])(
    'ends at its %s, and its token with it',
    async (column) => {
      const { cookie, sid } = await signIn();
      await sql(
        `UPDATE sessions SET ${column} = clock_timestamp() + interval '6 s' WHERE sid = $1`,
        [sid],
      );
      const [{ end }] = (await sql<{ end: number }>(
        `SELECT extract(epoch FROM ${column})::float8 AS end FROM sessions WHERE sid = $1`,
        [sid],
      )) as [{ end: number }];
      const first = await swap(cookie());
      // On a machine that took longer than that, the session is over by now.
      if (first.status === 200) {
        const token = (first.body['authorization'] as string).replace('Bearer ', '');
        expect(decodeJwt(token).exp).toBeLessThanOrEqual(end);
      }
      await until(async () => (await swap(cookie())).status === 401);
      expect((await swap(cookie())).body).toMatchObject({ code: 'session_ended' });
    },
  );

  it('when it is ended elsewhere, is over here too', async () => {
    const [here, elsewhere] = [await signIn(), await signIn()];
    const cookies = [here.cookie(), elsewhere.cookie()];
    for (const cookie of cookies) await tokenOf(cookie);
    const ended = await elsewhere.browser.fetch('DELETE', '/auth/sessions');
    expect([200, 202]).toContain(ended.status);
    for (const cookie of cookies) {
      await until(async () => (await swap(cookie)).status === 401);
      expect((await swap(cookie)).body).toMatchObject({ code: 'session_ended' });
    }
  });

  it('with another cookie since, the old one opens nothing', async () => {
    const { browser, cookie } = await signIn();
    const old = cookie();
    await tokenOf(old);
    const changed = await browser.fetch('POST', '/auth/password', {
      current_password: PASSWORD,
      new_password: PASSWORD.toUpperCase(),
    });
    expect(changed.status).toBe(200);
    ann.password = PASSWORD.toUpperCase();
    expect(cookie()).not.toBe(old);
    await until(async () => (await swap(old)).status === 401);
    await tokenOf(cookie());
    expect((await swap(old)).status).toBe(401);
  });
});

describe('what is remembered is dropped by a revocation of', () => {
  it.each(['sub', 'client', 'all', 'jti'] as const)(
    'kind %s: the next swap is another token',
    async (kind) => {
      const { cookie } = await signIn();
      const token = await tokenOf(cookie());
      const { jti, client_id: client } = decodeJwt(token);
      const ids = { sub: annId, client: client as string, all: '*', jti: jti! };
      await revoke({ kind, id: ids[kind] });
      let next = token;
      await until(async () => {
        const { status, body } = await swap(cookie());
        if (status === 200) next = (body['authorization'] as string).replace('Bearer ', '');
        return next !== token;
      });
      expect(decodeJwt(next).jti).not.toBe(jti);
    },
  );

  it('kind sid: there is no next one', async () => {
    const { cookie, sid } = await signIn();
    await tokenOf(cookie());
    await replica.get(Sessions).end(sid, 'operator');
    await until(async () => (await swap(cookie())).status === 401);
    expect((await swap(cookie())).body).toMatchObject({ code: 'session_ended' });
  });

  it('kind kid: the next swap is signed by another key', async () => {
    const { cookie } = await signIn();
    const { kid } = decodeProtectedHeader(await tokenOf(cookie()));
    await replica.get(KeyRevocation).revoke('test', kid!, { reason: 'a test', fresh: false });
    await until(async () => {
      const { status, body } = await swap(cookie());
      const token = String(body['authorization']).replace('Bearer ', '');
      return status === 200 && decodeProtectedHeader(token).kid !== kid;
    });
  });
});
