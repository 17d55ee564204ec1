import { decodeJwt, decodeProtectedHeader } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { SERVICE_SECRET, startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';
import { Accounts } from '../accounts/accounts.js';
import { RegisteredClients } from '../operators/registered-clients.js';
import type { ClientGrants } from '../operators/registered-clients.js';
import { takeLocks } from '../platform/locks.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';

const OPERATOR = { name: 'alice', roles: [] };
const GRANTS = { audiences: ['orders', 'payments'], scopes: ['orders:read', 'payments:write'] };

let replica: Replica;
let identity: ServingIdentity;
const secrets: Record<string, string> = {};
let clients: RegisteredClients;

beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  clients = replica.get(RegisteredClients);
  await addClient('billing');
  identity = await startServing(replica.databaseUrl);
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

async function addClient(id: string, grants: ClientGrants = GRANTS): Promise<void> {
  secrets[id] = (await clients.add(OPERATOR, { id, kind: 'confidential', ...grants }))!.secret;
}
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const as = (id: string) => basic(id, secrets[id]!);

const GRANT = { grant_type: 'client_credentials' };
function ask(
  body: Record<string, string> | string = GRANT,
  headers: Record<string, string> = as('billing'),
): Promise<Response> {
  const form = new URLSearchParams(body);
  return fetch(`${identity.public}/oauth/token`, { method: 'POST', headers, body: form });
}
async function tokenOf(id: string): Promise<string> {
  const answer = await ask(GRANT, as(id));
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}
async function isActive(token: string): Promise<boolean> {
  const answer = await fetch(`${identity.service}/oauth/introspect`, {
    method: 'POST',
    headers: basic('orders', SERVICE_SECRET),
    body: new URLSearchParams({ token }),
  });
  return ((await answer.json()) as { active: boolean }).active;
}
const refusal = async (answer: Response) => [
  answer.status,
  ((await answer.json()) as { error: string }).error,
];

describe('POST /oauth/token', () => {
  it('gives a client a token of its own, for its audiences and with its scopes', async () => {
    const answer = await ask({ ...GRANT, unknown: 'x', resource: 'https://example.test' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { access_token: token, ...rest } = (await answer.json()) as { access_token: string };
    expect(rest).toEqual({
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'orders:read payments:write',
    });
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' });
    const { iat, exp, jti, ...claims } = decodeJwt(token);
    expect(claims).toEqual({
      iss: 'http://localhost:8080',
      sub: 'billing',
      client_id: 'billing',
      aud: ['orders', 'payments'],
      scope: 'orders:read payments:write',
    });
    expect([exp! - iat!, typeof jti]).toEqual([300, 'string']);
  });

  it('gives fewer scopes when fewer are asked for', async () => {
    const answer = await ask({ ...GRANT, scope: 'orders:read' });
    expect(await answer.json()).toMatchObject({ scope: 'orders:read' });
    // A parameter without a value counts as left out (RFC 6749 §3.2).
    const all = await ask({ ...GRANT, scope: '' });
    expect(await all.json()).toMatchObject({ scope: 'orders:read payments:write' });
  });

  it('says nothing of scopes to a client that has none', async () => {
    await addClient('scopeless', { audiences: ['orders'], scopes: [] });
    const body = (await (await ask(GRANT, as('scopeless'))).json()) as { access_token: string };
    expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'token_type']);
  });

  it.each([
    ['no grant_type', {}, 'invalid_request'],
    ['an empty one', { grant_type: '' }, 'invalid_request'],
    ['a parameter twice', 'grant_type=client_credentials&scope=a&scope=b', 'invalid_request'],
    ['an unknown parameter twice', 'grant_type=client_credentials&x=1&x=2', 'invalid_request'],
    ['the password grant', { grant_type: 'password', username: 'a' }, 'unsupported_grant_type'],
    ['a refresh', { grant_type: 'refresh_token', refresh_token: 'x' }, 'unsupported_grant_type'],
    ['a scope that it does not have', { ...GRANT, scope: 'orders:write' }, 'invalid_scope'],
    ['a malformed scope', { ...GRANT, scope: '"' }, 'invalid_scope'],
    ['another client_id', { ...GRANT, client_id: 'other' }, 'invalid_request'],
    ['a second way to authenticate', { ...GRANT, client_secret: 'x' }, 'invalid_request'],
  ] as [string, Record<string, string> | string, string][])(
    'refuses %s, as RFC 6749 §5.2 says',
    async (_, body, error) => {
      const answer = await ask(body);
      expect([answer.status, await answer.json()]).toMatchObject([400, { error }]);
      expect(answer.headers.get('content-type')).toContain('application/json');
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );

  it.each([
    ['no credentials', () => ({})],
    ['a wrong secret', () => basic('billing', 'x')],
    ['an unknown client', () => basic('nobody', 'x')],
    ['a public client', () => basic('first-party', 'x')],
    ['a relying service', () => basic('orders', SERVICE_SECRET)],
  ])('gives nothing to %s', async (_, headers) => {
    const answer = await ask(GRANT, headers());
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect(await refusal(answer)).toEqual([401, 'invalid_client']);
  });

  it('takes a form and nothing else, by POST only', async () => {
    const json = await fetch(`${identity.public}/oauth/token`, {
      method: 'POST',
      headers: { ...as('billing'), 'content-type': 'application/json' },
      body: JSON.stringify(GRANT),
    });
    expect(await refusal(json)).toEqual([400, 'invalid_request']);
    const query = new URLSearchParams(GRANT).toString();
    const get = await fetch(`${identity.public}/oauth/token?${query}`, { headers: as('billing') });
    expect(get.status).toBe(404);
  });

  it('is in the metadata (RFC 8414)', async () => {
    const answer = await fetch(`${identity.public}/.well-known/oauth-authorization-server`);
    expect(await answer.json()).toMatchObject({
      token_endpoint: 'http://localhost:8080/oauth/token',
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      grant_types_supported: ['client_credentials'],
      revocation_endpoint: 'http://localhost:8080/oauth/revoke',
      response_types_supported: [],
    });
  });
});

describe('a token of a service', () => {
  it('is revoked by its client, and inactive at once', async () => {
    const token = await tokenOf('billing');
    expect(await isActive(token)).toBe(true);
    const body = new URLSearchParams({ token });
    const url = `${identity.public}/oauth/revoke`;
    expect((await fetch(url, { method: 'POST', headers: as('billing'), body })).status).toBe(200);
    expect(await isActive(token)).toBe(false);
  });

  it('gives nobody an account or a session', async () => {
    const token = await tokenOf('billing');
    for (const [method, path] of [
      ['GET', '/auth/me'],
      ['POST', '/auth/logout'],
    ] as const) {
      const answer = await fetch(`${identity.public}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
      });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });

  it('dies when its client is disabled, and there is no other until it is enabled', async () => {
    await addClient('stolen');
    const token = await tokenOf('stolen');
    await clients.disable(OPERATOR, 'stolen', { reason: 'r' });
    expect(await isActive(token)).toBe(false);
    expect(await refusal(await ask(GRANT, as('stolen')))).toEqual([401, 'invalid_client']);
    await clients.enable(OPERATOR, 'stolen', {});
    expect(await isActive(token)).toBe(false);
    expect(await isActive(await tokenOf('stolen'))).toBe(true);
  });

  it('dies when its client loses a scope or an audience, and lives on when it gains one', async () => {
    await addClient('changing');
    const first = await tokenOf('changing');
    const grow = { scopes: [...GRANTS.scopes, 'more'] };
    expect(await clients.change(OPERATOR, 'changing', grow, {})).toBeUndefined();
    expect(await isActive(first)).toBe(true);
    for (const less of [{ scopes: GRANTS.scopes }, { audiences: ['orders'] }]) {
      const token = await tokenOf('changing');
      expect(await clients.change(OPERATOR, 'changing', less, {})).toMatchObject({ epoch: 1 });
      expect(await isActive(token)).toBe(false);
    }
    const { aud, scope } = decodeJwt(await tokenOf('changing'));
    expect([aud, scope]).toEqual([['orders'], GRANTS.scopes.join(' ')]);
  });

  it('is never made with a secret that was dropped, or for a client that was disabled, meanwhile', async () => {
    for (const end of ['drop', 'disable'] as const) {
      const id = `raced-${end}`;
      await addClient(id);
      if (end === 'drop') await clients.addSecret(OPERATOR, id);
      let asked: Promise<Response> | undefined;
      await replica.database.transaction(async (tx) => {
        // Holds the client's lock as who ends something does; the request proves itself before, and waits here.
        await takeLocks(tx, [{ resource: 'client', id, mode: 'exclusive' }]);
        asked = ask(GRANT, as(id));
        await untilSomebodyWaits();
        await tx.query(
          end === 'drop'
            ? `DELETE FROM client_secrets WHERE client_id = $1
                 AND id <> (SELECT max(id) FROM client_secrets WHERE client_id = $1)`
            : `UPDATE clients SET disabled_at = now() WHERE id = $1`,
          [id],
        );
      });
      expect(await refusal((await asked)!)).toEqual([401, 'invalid_client']);
    }
  });
});

async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const [row] = await replica.database.run((manager) =>
      manager.query<[{ waiting: boolean }]>(
        `SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
           WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()) AS waiting`,
      ),
    );
    if (row.waiting) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const beginThrough = (clientId: string, accountId: string) =>
  replica.get(Sessions).begin(accountId, {
    clientId,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });

describe('the audiences of first-party', () => {
  it('can be changed; people get tokens for the new ones at once, and identity stays among them', async () => {
    const accounts = replica.get(Accounts);
    const accountId = await accounts.addVerified('a@example.test', 'unused', ['customer']);
    const audiences = ['identity', 'orders', 'payments', 'invoices'];
    await clients.change(OPERATOR, 'first-party', { audiences }, {});
    const { accessToken } = await beginThrough('first-party', accountId);
    expect(decodeJwt(accessToken).aud).toEqual(audiences);
    await expect(
      clients.change(OPERATOR, 'first-party', { audiences: ['orders'] }, {}),
    ).rejects.toMatchObject({ code: 'audience_not_allowed' });
    await expect(clients.disable(OPERATOR, 'first-party', {})).rejects.toMatchObject({
      code: 'default_client',
    });
  });

  it('an app of its own is a public client: it can be signed in through until it is disabled', async () => {
    const app = {
      id: 'app',
      kind: 'public',
      audiences: ['identity', 'orders'],
      scopes: [],
    } as const;
    expect(await clients.add(OPERATOR, app)).toBeUndefined();
    const accountId = await replica.get(Accounts).addVerified('b@example.test', 'unused', []);
    const { accessToken } = await beginThrough('app', accountId);
    expect(decodeJwt(accessToken)).toMatchObject({ client_id: 'app', aud: app.audiences });
    await clients.disable(OPERATOR, 'app', {});
    await expect(beginThrough('app', accountId)).rejects.toMatchObject({ code: 'unknown_client' });
  });
});

it('every change leaves a row that says who did it, in the same transaction', async () => {
  await addClient('watched');
  await clients.change(OPERATOR, 'watched', { scopes: [] }, { reason: 'r' });
  await clients.addSecret(OPERATOR, 'watched');
  await clients.dropOldSecrets(OPERATOR, 'watched');
  await clients.disable(OPERATOR, 'watched', {});
  await clients.enable(OPERATOR, 'watched', {});
  const rows = await replica.database.run((manager) =>
    manager.query<{ actor: string; action: string; details: object }[]>(
      `SELECT actor, action, details FROM audit WHERE target = 'watched' ORDER BY id`,
    ),
  );
  expect(rows.map(({ action }) => action)).toEqual([
    'client.add',
    'client.change',
    'client.add_secret',
    'client.drop_old_secrets',
    'client.disable',
    'client.enable',
  ]);
  expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set(['operator:alice']));
  expect(rows[1]!.details).toMatchObject({ scopes: [], cut_off: true, reason: 'r' });
  expect(JSON.stringify(rows)).not.toContain(secrets['watched']);
});
