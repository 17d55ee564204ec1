import { randomUUID } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { SERVICE_SECRET, startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import { Accounts } from '../accounts/accounts.js';
import { RegisteredClients } from '../operators/registered-clients.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import type { Revocation } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';

const OPERATOR = { name: 'alice', roles: [] };

let replica: Replica;
let identity: ServingIdentity;
const secrets: Record<string, string> = {};

beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  for (const id of ['billing', 'reports']) secrets[id] = await addClient(id);
  identity = await startServing(replica.databaseUrl);
});

afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

async function addClient(id: string): Promise<string> {
  const client = { id, kind: 'confidential', audiences: ['orders'], scopes: ['a'] } as const;
  return (await replica.get(RegisteredClients).add(OPERATOR, client))!.secret;
}

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
});
const as = (client: string) => basic(client, secrets[client] ?? SERVICE_SECRET);

function revoke(token: string, headers: Record<string, string> = as('billing')): Promise<Response> {
  const body = new URLSearchParams({ token, token_type_hint: 'refresh_token', unknown: 'x' });
  return fetch(`${identity.public}/oauth/revoke`, { method: 'POST', headers, body });
}

async function introspect(token: string, who: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`${identity.service}/oauth/introspect`, {
    method: 'POST',
    headers: as(who),
    body: new URLSearchParams({ token }),
  });
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  return (await answer.json()) as Record<string, unknown>;
}

/** A service token: `sub` is the client. */
async function issue(client: string): Promise<string> {
  const locks = [{ resource: 'client', id: client }] as const;
  const { encoded } = await replica.get(AccessTokens).issue(locks, () =>
    Promise.resolve({
      sub: client,
      client: { id: client, audiences: ['orders'] },
      scopes: ['a'],
    }),
  );
  return encoded;
}

let people = 0;
async function signIn() {
  const accountId = await replica
    .get(Accounts)
    .addVerified(`${String((people += 1))}@example.test`, 'unused', ['customer']);
  const sessions = replica.get(Sessions);
  const { accessToken, session } = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return { token: accessToken, sid: session.sid, accountId };
}

const append = (revocation: Revocation) =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, revocation));
const head = async () => (await replica.get(RevocationLog).head()).seq;

describe('revocation by a client (RFC 7009)', () => {
  it('kills the one token, at once and once', async () => {
    const [token, other] = [await issue('billing'), await issue('billing')];
    expect(await introspect(token, 'orders')).toMatchObject({ active: true });
    const before = await head();
    for (let n = 0; n < 2; n += 1) {
      const answer = await revoke(token);
      expect([answer.status, await answer.text()]).toEqual([200, '']);
    }
    expect(await head()).toBe(before + 1);
    expect(await introspect(token, 'orders')).toEqual({ active: false });
    expect(await introspect(other, 'orders')).toMatchObject({ active: true });
  });

  it('is refused for the token of another client, which lives on', async () => {
    const token = await issue('reports');
    const answer = await revoke(token);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect(await introspect(token, 'orders')).toMatchObject({ active: true });
    const { token: ofAPerson } = await signIn();
    expect((await revoke(ofAPerson)).status).toBe(400);
  });

  it('of something that is no token of ours is done already', async () => {
    const before = await head();
    const token = await issue('billing');
    for (const text of ['x', 'a.b.c', `${token}x`, token.slice(0, -6), 'x'.repeat(16_384)]) {
      expect((await revoke(text)).status).toBe(200);
    }
    expect(await head()).toBe(before);
  });

  it.each([
    ['no credentials', () => ({})],
    ['a wrong secret', () => basic('billing', 'wrong')],
    ['the secret of another client', () => basic('billing', secrets['reports']!)],
    ['a public client', () => basic('first-party', '')],
    ['an unknown client', () => basic('nobody', 'x')],
    ['a relying service', () => basic('orders', SERVICE_SECRET)],
    ['an id that no database holds', () => basic('\u0000', 'x')],
  ])('needs a confidential client: %s will not do', async (_, headers) => {
    const answer = await revoke(await issue('billing'), headers());
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_client' }]);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it.each([
    ['no token', new URLSearchParams({ x: '1' })],
    ['an empty token', new URLSearchParams({ token: '' })],
    ['two tokens', new URLSearchParams('token=a&token=b')],
    ['a huge token', new URLSearchParams({ token: 'x'.repeat(16_385) })],
    ['JSON', JSON.stringify({ token: 'x' })],
  ])('takes a form: %s is an invalid request', async (_, body) => {
    const answer = await fetch(`${identity.public}/oauth/revoke`, {
      method: 'POST',
      headers: {
        ...as('billing'),
        ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      },
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  });

  it('forms are for OAuth only', async () => {
    const { token } = await signIn();
    const answer = await fetch(`${identity.public}/auth/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams(),
    });
    expect(answer.status).toBe(415);
  });

  it('with either of two secrets; there is no third until the old one is dropped', async () => {
    const clients = replica.get(RegisteredClients);
    const old = await addClient('rotating');
    const { secret: newer } = await clients.addSecret(OPERATOR, 'rotating');
    const statusWith = async (secret: string) =>
      (await revoke('x', basic('rotating', secret))).status;
    expect(await Promise.all([old, newer].map(statusWith))).toEqual([200, 200]);
    await expect(clients.addSecret(OPERATOR, 'rotating')).rejects.toMatchObject({
      code: 'rotation_in_progress',
    });
    expect(await clients.dropOldSecrets(OPERATOR, 'rotating')).toBe(1);
    expect(await Promise.all([old, newer].map(statusWith))).toEqual([401, 200]);
    expect(await clients.dropOldSecrets(OPERATOR, 'rotating')).toBe(0);
    await expect(clients.addSecret(OPERATOR, 'first-party')).rejects.toMatchObject({
      code: 'public_client',
    });
  });

  it('tells who would wait how far it has come, the second time as the first', async () => {
    const token = await issue('billing');
    const waiting = { ...as('billing'), prefer: 'wait=2' };
    for (let n = 0; n < 2; n += 1) {
      const asked = performance.now();
      const answer = await revoke(token, waiting);
      expect([answer.status, answer.headers.get('preference-applied')]).toEqual([200, 'wait=2']);
      const stoodStill = performance.now() - asked > 1_900;
      // The only live instance is identity itself.
      const { revocation } = (await answer.json()) as { revocation: { status: string } };
      expect(revocation).toEqual({ epoch: 1, seq: await head(), status: revocation.status });
      expect(stoodStill ? ['applied', 'pending'] : ['applied']).toContain(revocation.status);
    }
    const nothing = await revoke('x', waiting);
    expect([nothing.status, await nothing.text()]).toEqual([200, '']);
  });

  it('answers 200 also to who has waited in vain: it is committed', async () => {
    const deaf = { instanceId: randomUUID(), kids: [], applied: undefined };
    await replica.get(CheckIns).checkIn('orders', deaf);
    const answer = await revoke(await issue('billing'), { ...as('billing'), prefer: 'wait=1' });
    await replica.get(CheckIns).checkIn('orders', { ...deaf, goodbye: true });
    expect([answer.status, answer.headers.get('preference-applied')]).toEqual([200, 'wait=1']);
    expect(await answer.json()).toEqual({
      revocation: { epoch: 1, seq: await head(), status: 'pending' },
    });
  });
});

describe('introspection (RFC 7662)', () => {
  it('tells a service that the token is for, and the client that holds it; nobody else', async () => {
    const token = await issue('billing');
    const told = {
      active: true,
      sub: 'billing',
      client_id: 'billing',
      aud: ['orders'],
      scope: 'a',
    };
    expect(await introspect(token, 'orders')).toMatchObject(told);
    expect(await introspect(token, 'billing')).toMatchObject(told);
    for (const other of ['payments', 'gateway', 'reports']) {
      expect(await introspect(token, other)).toEqual({ active: false });
    }
  });

  it('needs credentials', async () => {
    for (const headers of [{}, basic('orders', 'wrong'), basic('billing', 'wrong')]) {
      const answer = await fetch(`${identity.service}/oauth/introspect`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ token: 'x' }),
      });
      expect([answer.status, await answer.json()]).toMatchObject([
        401,
        { error: 'invalid_client' },
      ]);
    }
  });

  it('is not offered through the gateway', async () => {
    const answer = await fetch(`${identity.public}/oauth/introspect`, { method: 'POST' });
    expect(answer.status).toBe(404);
  });

  it.each([
    ['its session has ended', ({ sid }) => replica.get(Sessions).end(sid, 'logout')],
    ['it is revoked itself', ({ jti }) => append({ kind: 'jti', id: jti })],
    ['its user is cut off', ({ accountId }) => append({ kind: 'sub', id: accountId })],
    ['its client is cut off', () => append({ kind: 'client', id: 'first-party' })],
    ['everything is cut off', () => append({ kind: 'all', id: '*' })],
    ['its key is revoked', ({ kid }) => append({ kind: 'kid', id: kid })],
  ] as [
    string,
    (token: Record<'sid' | 'jti' | 'accountId' | 'kid', string>) => Promise<unknown>,
  ][])('knows at once that %s', async (_, end) => {
    const { token, sid, accountId } = await signIn();
    const before = await introspect(token, 'orders');
    expect(before['active']).toBe(true);
    const kid = decodeProtectedHeader(token).kid!;
    await end({ sid, accountId, kid, jti: before['jti'] as string });
    expect(await introspect(token, 'orders')).toEqual({ active: false });
  });
});
