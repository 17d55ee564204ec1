import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startOperatorListener } from '../../test/operator-listener.js';
import type { OperatorListener } from '../../test/operator-listener.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { AuditLog } from '../audit/audit-log.js';
import { Accounts } from '../accounts/accounts.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import { OPERATOR_ROLES } from './operator.js';
import type { OperatorRole } from './operator.js';
import { Operators } from './operators.js';
import { RoleChanges } from './role-changes.js';

let replica: Replica;
let listener: OperatorListener;
let accountId: string;
const tokens = {} as Record<OperatorRole | 'all', string>;
const EMAIL = 'ann@example.test';
const NOBODY = '00000000-0000-4000-8000-000000000000';
const declared = { id: 'orders', audience: 'orders', secretSha256: Buffer.alloc(32, 1) };

beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
  await replica.get(RelyingServices).reconcile([declared]);
  accountId = await replica.get(Accounts).addVerified(EMAIL, 'unused', ['customer']);
  listener = await startOperatorListener(replica);
  for (const role of OPERATOR_ROLES) tokens[role] = await listener.addOperator(role, [role]);
  tokens.all = await listener.addOperator('all', OPERATOR_ROLES);
});
afterAll(async () => {
  await listener.close();
  await stopReplicas();
});

type Item = Readonly<Record<string, unknown>>;
/** The members of all answers; each has some. */
interface Body {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  readonly sessions: number;
  readonly client_secret: string;
  readonly secret_sha256: string;
  readonly ended_sessions: number;
  readonly reach: { readonly accounts: number; readonly sessions: number };
  readonly revocation: { readonly cutoff: number; readonly at: number };
  readonly clocks: { readonly identity: number; readonly database: number };
}
async function ask(method: string, path: string, body?: unknown, token = tokens.all) {
  const answer = await listener.ask(token, method, path, body);
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Body, answer };
}
async function begin() {
  const sessions = replica.get(Sessions);
  const { session } = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return session.sid;
}
const sql = (text: string) => replica.database.run((manager) => manager.query<Item[]>(text));
const head = async () => (await replica.get(RevocationLog).head()).seq;
const lastAudit = async () => (await sql(`SELECT * FROM audit ORDER BY id DESC LIMIT 1`))[0]!;

/** Every route, the role that it needs, and what the right role gets for a request that is well-formed. */
const ROUTES: [method: string, path: string, role: OperatorRole, body: unknown, status: number][] =
  [
    ['GET', '/operator/status', 'read', undefined, 200],
    ['GET', '/operator/audit', 'read', undefined, 200],
    ['GET', '/operator/revocations', 'read', undefined, 200],
    ['GET', '/operator/revocations/1.0', 'read', undefined, 404],
    ['POST', '/operator/revocations', 'end-sessions', { kind: 'all', dry_run: true }, 200],
    ['POST', '/operator/sessions/end', 'end-sessions', { sid: NOBODY }, 404],
    ['GET', `/operator/users?email=${EMAIL}`, 'read', undefined, 200],
    ['POST', `/operator/users/${NOBODY}/disable`, 'end-sessions', {}, 404],
    ['POST', `/operator/users/${NOBODY}/take-role`, 'end-sessions', { role: 'support' }, 404],
    ['POST', `/operator/users/${NOBODY}/enable`, 'end-sessions', undefined, 404],
    ['GET', '/operator/keys', 'read', undefined, 200],
    ['GET', '/operator/keys/plan', 'read', undefined, 200],
    ['POST', '/operator/keys/rotate', 'keys', { dry_run: true }, 200],
    ['POST', '/operator/keys/nokey/purge', 'keys', {}, 404],
    ['POST', '/operator/keys/nokey/revoke', 'keys', { reason: 'a test' }, 404],
    ['POST', '/operator/tokens/explain', 'read', { token: 'x' }, 200],
    ['GET', '/operator/relying-services', 'read', undefined, 200],
    ['POST', '/operator/relying-services', 'keys', { id: 'orders', audience: null }, 409],
    ['POST', '/operator/relying-services/nobody/secrets', 'keys', {}, 404],
    ['DELETE', '/operator/relying-services/nobody/secrets/old', 'keys', undefined, 404],
    ['DELETE', '/operator/relying-services/nobody', 'keys', undefined, 404],
    ['GET', '/operator/clients', 'read', undefined, 200],
    ['GET', '/operator/clients/nobody', 'read', undefined, 404],
    ['POST', '/operator/clients', 'keys', { id: 'first-party', audiences: ['orders'] }, 409],
    ['PATCH', '/operator/clients/nobody', 'keys', { scopes: [] }, 404],
    ['POST', '/operator/clients/nobody/secrets', 'keys', {}, 404],
    ['DELETE', '/operator/clients/nobody/secrets/old', 'keys', undefined, 404],
    ['POST', '/operator/clients/nobody/disable', 'end-sessions', {}, 404],
    ['POST', '/operator/clients/nobody/enable', 'end-sessions', undefined, 404],
  ];

/** The route that a path of the table belongs to. */
const routeOf = (path: string) =>
  path
    .replace(/\?.*/, '')
    .replace(NOBODY, ':id')
    .replace('nobody', ':id')
    .replace('nokey', ':kid')
    .replace('1.0', ':position');

describe.each(ROUTES)('%s %s', (method, path, role, body, status) => {
  it('lets nobody in without a token, with a wrong one, or with that of a removed operator', async () => {
    const removed = await listener.addOperator(`gone-${randomUUID()}`, OPERATOR_ROLES);
    await replica.get(Operators).remove(removed.split('.')[0]!);
    const wrong = `${tokens.all.slice(0, -1)}${tokens.all.endsWith('A') ? 'B' : 'A'}`;
    for (const token of [undefined, 'x', wrong, removed, `${tokens.all} x`]) {
      const answer = await listener.ask(token, method, path, body);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="countersign operator"',
      ]);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(await answer.json()).toMatchObject({ code: 'operator_token_rejected' });
    }
  });

  it(`needs the role ${role}, and no other will do`, async () => {
    for (const other of OPERATOR_ROLES) {
      const answer = await ask(method, path, body, tokens[other]);
      if (other === role) expect(answer.status).toBe(status);
      else expect(answer).toMatchObject({ status: 403, body: { code: 'operator_role_missing' } });
    }
  });
});

it('every route of the listener is in that table', () => {
  const server = listener.routes();
  const known = ROUTES.map(([method, path]) => `${method} ${routeOf(path)}`);
  const open = ['GET /operator/openapi.json', 'GET /operator/docs'];
  expect(server.filter((route) => route.includes('/operator')).sort()).toEqual(
    [...new Set([...known, ...open])].sort(),
  );
});

it('every route of the listener is in the OpenAPI document with the role that it needs, and no other', () => {
  const documented = Object.entries(listener.document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const offered = listener.routes().map((route) => route.replace(/:(\w+)/g, '{$1}'));
  expect(documented.sort()).toEqual([...new Set(offered)].sort());
  for (const [method, path, role] of ROUTES) {
    const template = routeOf(path).replace(/:(\w+)/g, '{$1}');
    const operation = listener.document.paths[template]?.[method.toLowerCase()];
    expect([template, operation?.security]).toEqual([template, [{ operator: [role] }]]);
  }
});

it('the OpenAPI document and its page are open, and the page may do nothing', async () => {
  const json = await listener.ask(undefined, 'GET', '/operator/openapi.json');
  expect(await json.json()).toEqual(JSON.parse(JSON.stringify(listener.document)));
  const page = await listener.ask(undefined, 'GET', '/operator/docs');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = await page.text();
  for (const path of Object.keys(listener.document.paths)) expect(html).toContain(path);
});

it('health and metrics are open', async () => {
  for (const path of ['/health/live', '/health/ready', '/metrics']) {
    expect((await listener.ask(undefined, 'GET', path)).status).toBe(200);
  }
});

describe('sessions', () => {
  it('one session ends by its sid, once, and leaves a row that says who did it', async () => {
    const sid = await begin();
    const before = await head();
    const first = await ask('POST', '/operator/sessions/end', { sid, reason: 'asked to' });
    expect(first).toMatchObject({
      status: 202,
      body: { sessions: 1, revocation: { epoch: 1, seq: before + 1, status: 'pending' } },
    });
    expect(await lastAudit()).toMatchObject({
      actor: 'operator:all',
      action: 'sessions.end',
      target: sid,
      account_id: accountId,
      details: { of: 'session', sessions: 1, reason: 'asked to' },
    });
    const again = await ask('POST', '/operator/sessions/end', { sid });
    expect(again.body).toMatchObject({ sessions: 0, revocation: { seq: before + 1 } });
    expect(await head()).toBe(before + 1);
  });

  it('all sessions of a person end by the address, each by its sid, and a cut-off comes last', async () => {
    const sids = [await begin(), await begin()].sort();
    const before = await head();
    const answer = await ask('POST', '/operator/sessions/end', { email: ' Ann@example.test' });
    const { sessions } = answer.body;
    expect(sessions).toBeGreaterThanOrEqual(2);
    expect(answer.body).toMatchObject({ revocation: { seq: before + sessions + 1 } });
    const events = await sql(
      `SELECT seq, kind, id FROM revocations WHERE seq > ${String(before)} ORDER BY seq`,
    );
    expect(events.map(({ kind }) => kind)).toEqual([...Array(sessions).fill('sid'), 'sub']);
    const rows = await sql(
      `SELECT end_reason, ended_seq FROM sessions WHERE sid IN ('${sids.join("','")}') ORDER BY sid`,
    );
    expect(rows).toEqual(
      sids.map((sid) => ({
        end_reason: 'operator',
        ended_seq: events.find(({ id }) => id === sid)!['seq'],
      })),
    );
    const row = await lastAudit();
    expect(row).toMatchObject({ target: accountId, account_id: accountId });
    expect(JSON.stringify(row)).not.toContain(EMAIL);
  });

  it('what cannot be written to the audit log is not done', async () => {
    const sid = await begin();
    await sql(
      `ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (action <> 'sessions.end') NOT VALID`,
    );
    const before = await head();
    try {
      expect((await ask('POST', '/operator/sessions/end', { sid })).status).toBe(500);
      expect((await ask('POST', '/operator/sessions/end', { email: EMAIL })).status).toBe(500);
    } finally {
      await sql(`ALTER TABLE audit DROP CONSTRAINT full_disk`);
    }
    expect(await head()).toBe(before);
    expect(
      await sql(`SELECT 1 FROM sessions WHERE sid = '${sid}' AND ended_at IS NULL`),
    ).toHaveLength(1);
  });
});

describe('users', () => {
  it('who is disabled is signed out and cannot sign in; who is enabled can again', async () => {
    await begin();
    const before = await head();
    const disabled = await ask('POST', `/operator/users/${accountId}/disable`, { reason: 'r' });
    const { sessions } = disabled.body;
    expect(disabled).toMatchObject({
      status: 202,
      body: { revocation: { seq: before + sessions + 1 } },
    });
    expect(sessions).toBeGreaterThan(0);
    expect(await lastAudit()).toMatchObject({
      action: 'user.disable',
      target: accountId,
      account_id: accountId,
      details: { reason: 'r' },
    });
    const [event] = await sql(`SELECT kind, id FROM revocations ORDER BY seq DESC LIMIT 1`);
    expect(event).toEqual({ kind: 'sub', id: accountId });
    await expect(begin()).rejects.toMatchObject({ code: 'credentials_rejected' });
    const { body } = await ask('GET', `/operator/users?email=${EMAIL}`);
    expect(body.items).toMatchObject([{ id: accountId, live_sessions: 0, email_verified: true }]);
    expect(body.items[0]!['disabled_at']).toBeGreaterThan(1_700_000_000);

    expect((await ask('POST', `/operator/users/${accountId}/enable`)).status).toBe(200);
    expect(await lastAudit()).toMatchObject({ action: 'user.enable', account_id: accountId });
    await begin();
  });

  it('who loses a role stays signed in, and the tokens that carried it are revoked', async () => {
    const roles = replica.get(RoleChanges);
    expect(await roles.give(accountId, 'support')).toMatchObject({
      roles: ['customer', 'support'],
    });
    expect(await lastAudit()).toMatchObject({ actor: 'console', action: 'user.give_role' });
    const sid = await begin();
    const before = await head();
    const path = `/operator/users/${accountId}/take-role`;
    const taken = await ask('POST', path, { role: 'support', reason: 'r' });
    expect(taken).toMatchObject({
      status: 202,
      body: { id: accountId, roles: ['customer'], revocation: { seq: before + 1 } },
    });
    expect(await lastAudit()).toMatchObject({
      actor: 'operator:all',
      action: 'user.take_role',
      target: accountId,
      account_id: accountId,
      details: { role: 'support', roles: ['customer'], reason: 'r' },
    });
    const [event] = await sql(
      `SELECT kind, id, cutoff, at FROM revocations ORDER BY seq DESC LIMIT 1`,
    );
    expect(event).toMatchObject({ kind: 'sub', id: accountId, cutoff: event!['at'] });
    expect(
      await sql(`SELECT 1 FROM sessions WHERE sid = '${sid}' AND ended_at IS NULL`),
    ).toHaveLength(1);
  });

  it('an address that nobody has finds nobody', async () => {
    const { status, body } = await ask('GET', '/operator/users?email=nobody@example.test');
    expect([status, body]).toEqual([200, { items: [], next_cursor: null }]);
  });
});

describe('revocations', () => {
  it.each([
    ['sub', (): string | undefined => accountId],
    ['client', (): string | undefined => 'first-party'],
    ['all', (): string | undefined => undefined],
  ] as const)(
    'a dry run of %s counts and changes nothing; the revocation hits just that',
    async (kind, id) => {
      await begin();
      const order = { kind, id: id() };
      const before = await head();
      const dry = await ask('POST', '/operator/revocations', { ...order, dry_run: true });
      expect(dry).toMatchObject({ status: 200, body: { dry_run: true, kind } });
      expect(dry.body.reach.accounts).toBe(1);
      expect(await head()).toBe(before);

      const done = await ask('POST', '/operator/revocations', { ...order, reason: 'incident' });
      expect(done).toMatchObject({
        status: 202,
        body: {
          reach: dry.body.reach,
          revocation: { kind, id: id() ?? '*', seq: before + 1, status: 'pending' },
        },
      });
      expect(done.body.revocation.cutoff).toBe(done.body.revocation.at);
      expect(await lastAudit()).toMatchObject({
        action: 'revocation.add',
        target: id() ?? null,
        details: { kind, seq: before + 1, reason: 'incident' },
      });
    },
  );

  describe.each([
    ['sub', (): string | undefined => accountId],
    ['client', (): string | undefined => 'first-party'],
    ['all', (): string | undefined => undefined],
  ] as const)('%s with end_sessions', (kind, id) => {
    const isOpen = async (sid: string) =>
      (await sql(`SELECT 1 FROM sessions WHERE sid = '${sid}' AND ended_at IS NULL`)).length === 1;

    it('ends the sessions in the same transaction, by the one entry', async () => {
      const sid = await begin();
      const order = { kind, id: id(), end_sessions: true };
      const dry = await ask('POST', '/operator/revocations', { ...order, dry_run: true });
      expect(dry.body).toMatchObject({ sessions_to_end: dry.body.reach.sessions });
      expect(await isOpen(sid)).toBe(true);
      const before = await head();
      const done = await ask('POST', '/operator/revocations', order);
      expect(done.body).toMatchObject({
        revocation: { kind, seq: before + 1 },
        ended_sessions: dry.body.reach.sessions,
      });
      expect(await head()).toBe(before + 1);
      expect(await isOpen(sid)).toBe(false);
      expect(await replica.get(Sessions).end(sid, 'logout')).toEqual({ epoch: 1, seq: before + 1 });
      expect(await lastAudit()).toMatchObject({
        details: { kind, ended_sessions: done.body.ended_sessions },
      });
    });

    it('and an earlier instant leaves later sessions, and revokes each that ends by its sid too', async () => {
      const [old, later] = [await begin(), await begin()];
      await sql(
        `UPDATE sessions SET created_at = created_at - interval '1 hour' WHERE sid = '${old}'`,
      );
      const before = await head();
      const done = await ask('POST', '/operator/revocations', {
        kind,
        id: id(),
        end_sessions: true,
        cutoff: Math.floor(Date.now() / 1000) - 60,
      });
      // The answer's position comes last: whoever has applied it has applied the others.
      expect(done.body).toMatchObject({ ended_sessions: 1, revocation: { seq: before + 2 } });
      expect([await isOpen(old), await isOpen(later)]).toEqual([false, true]);
      const events = await sql(
        `SELECT seq, kind, id FROM revocations WHERE seq > ${String(before)} ORDER BY seq`,
      );
      expect(events).toEqual([
        { seq: String(before + 1), kind: 'sid', id: old },
        { seq: String(before + 2), kind, id: id() ?? '*' },
      ]);
    });

    it('and nothing happens when it cannot all happen', async () => {
      const sid = await begin();
      const before = await head();
      await sql(
        `ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (action <> 'revocation.add') NOT VALID`,
      );
      try {
        const { status } = await ask('POST', '/operator/revocations', {
          kind,
          id: id(),
          end_sessions: true,
        });
        expect(status).toBe(500);
      } finally {
        await sql(`ALTER TABLE audit DROP CONSTRAINT full_disk`);
      }
      expect([await head(), await isOpen(sid)]).toEqual([before, true]);
    });
  });

  it('an earlier cut-off reaches what began before it, a future one is refused', async () => {
    const now = Math.floor(Date.now() / 1000);
    const order = { kind: 'all', cutoff: now - 86_400 };
    const dry = await ask('POST', '/operator/revocations', { ...order, dry_run: true });
    expect(dry.body).toMatchObject({ cutoff: now - 86_400, reach: { accounts: 0, sessions: 0 } });
    const done = await ask('POST', '/operator/revocations', order);
    expect(done.body).toMatchObject({
      revocation: { cutoff: now - 86_400 },
      reach: { sessions: 0 },
    });

    const before = await head();
    for (const dry_run of [true, false]) {
      const future = { kind: 'all', cutoff: now + 3600, dry_run };
      expect(await ask('POST', '/operator/revocations', future)).toMatchObject({
        status: 400,
        body: { code: 'cutoff_in_future' },
      });
    }
    expect(await head()).toBe(before);
  });

  it('the log is read page by page, newest first, and searched', async () => {
    const all: Item[] = [];
    let cursor: string | null = null;
    do {
      const { body }: { readonly body: Body } = await ask(
        'GET',
        `/operator/revocations?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      all.push(...body.items);
      cursor = body.next_cursor;
    } while (cursor !== null);
    const seqs = all.map((event) => event['seq'] as number);
    expect(seqs).toEqual(Array.from({ length: await head() }, (_, index) => seqs[0]! - index));
    const { body } = await ask('GET', `/operator/revocations?kind=sub&id=${accountId}`);
    expect(body.items).toEqual(all.filter(({ kind }) => kind === 'sub'));
  });
});

describe('receipts', () => {
  const [quick, slow] = [randomUUID(), randomUUID()];
  const report = async (instanceId: string, seq: number, goodbye = false) =>
    replica
      .get(CheckIns)
      .checkIn('orders', { instanceId, kids: [], applied: { epoch: 1, seq }, goodbye });
  const endAll = (prefer?: string) =>
    fetch(`${listener.url}/operator/sessions/end`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens.all}`,
        'content-type': 'application/json',
        ...(prefer !== undefined && { prefer }),
      },
      body: JSON.stringify({ email: EMAIL }),
    });
  beforeAll(async () => {
    // From here on there is no session, and each order is one entry.
    await endAll();
    for (const instance of [quick, slow]) await report(instance, await head());
  });
  afterAll(async () => {
    for (const instance of [quick, slow]) await report(instance, await head(), true);
  });

  it('who waits is told that all have applied it, and by whom after how many milliseconds', async () => {
    const wait = async () => {
      const next = (await head()) + 1;
      const answering = endAll('wait=2');
      while ((await head()) < next) await delay(10);
      await report(quick, next);
      await delay(50);
      await report(slow, next);
      return { next, answer: await answering };
    };
    let { next, answer } = await wait();
    // On a machine that took longer than two seconds, once more.
    for (let left = 4; left > 0 && answer.status === 202; left -= 1)
      ({ next, answer } = await wait());
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { instances: { instance_id: string; millis: number }[] };
    expect(body).toMatchObject({ revocation: { epoch: 1, seq: next, status: 'applied' } });
    const millis = new Map(body.instances.map((one) => [one.instance_id, one.millis]));
    expect([...millis.keys()].sort()).toEqual([quick, slow].sort());
    expect(millis.get(slow)! - millis.get(quick)!).toBeGreaterThan(40);
    const shown = await ask('GET', `/operator/revocations/1.${String(next)}`);
    expect(shown.body).toMatchObject({ epoch: 1, seq: next, status: 'applied' });
  });

  it('who is missing is named; who does not wait is answered at once', async () => {
    const wait = async () => {
      const next = (await head()) + 1;
      const answering = endAll('wait=1');
      while ((await head()) < next) await delay(10);
      await report(quick, next);
      const answer = await answering;
      expect([answer.status, answer.headers.get('preference-applied')]).toEqual([202, 'wait=1']);
      const body = (await answer.json()) as { instances: Item[] };
      expect(body).toMatchObject({ revocation: { status: 'pending' } });
      return body.instances.filter(({ applied }) => applied === false);
    };
    let missing = await wait();
    // On a machine that took longer than a second for the report of the quick one, once more.
    for (let left = 4; left > 0 && missing.length > 1; left -= 1) missing = await wait();
    expect(missing).toMatchObject([{ service: 'orders', instance_id: slow, millis: null }]);

    const atOnce = await endAll();
    expect(atOnce.status).toBe(202);
    expect(await atOnce.json()).not.toHaveProperty('instances');
  });

  it.each(['1.999999', '0.0', 'x', '1', '9999999999.1', '1.2.3', '%00'])(
    '%s is no revocation',
    async (text) => {
      const answer = await ask('GET', `/operator/revocations/${text}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'unknown_revocation' } });
    },
  );
});

describe('relying services', () => {
  const authenticate = (id: string, secret: string) =>
    replica.get(RelyingServices).authenticate(id, secret);

  it('one that is added has a secret; a second one is valid beside it until the first is dropped', async () => {
    const added = await ask('POST', '/operator/relying-services', {
      id: 'invoices',
      audience: 'i',
    });
    expect(added).toMatchObject({ status: 201, body: { id: 'invoices', audience: 'i' } });
    const first = added.body.client_secret;
    expect(await authenticate('invoices', first)).toBe(true);
    expect(await authenticate('invoices', 'x')).toBe(false);

    const rotated = await ask('POST', '/operator/relying-services/invoices/secrets', {});
    const second = rotated.body.client_secret;
    expect([await authenticate('invoices', first), await authenticate('invoices', second)]).toEqual(
      [true, true],
    );
    expect(await ask('POST', '/operator/relying-services/invoices/secrets', {})).toMatchObject({
      status: 409,
      body: { code: 'rotation_in_progress' },
    });

    const dropped = await ask('DELETE', '/operator/relying-services/invoices/secrets/old');
    expect(dropped).toMatchObject({ status: 200, body: { dropped: 1 } });
    expect([await authenticate('invoices', first), await authenticate('invoices', second)]).toEqual(
      [false, true],
    );

    const text = JSON.stringify(await sql(`SELECT * FROM audit`));
    for (const secret of [first, second]) expect(text).not.toContain(secret);
  });

  it('a start with a file that does not name it leaves it; withdrawn, it is out, and can come again', async () => {
    await ask('POST', '/operator/relying-services', { id: 'stays', audience: null });
    await replica.get(RelyingServices).reconcile([declared]);
    const ids = async () =>
      (await ask('GET', '/operator/relying-services')).body.items.map((s) => s['id'] as string);
    expect(await ids()).toContain('stays');
    const { body } = await ask('POST', '/operator/relying-services/stays/secrets', {});
    expect((await ask('DELETE', '/operator/relying-services/stays')).status).toBe(204);
    expect(await ids()).not.toContain('stays');
    expect(await authenticate('stays', body.client_secret)).toBe(false);
    expect(
      (await ask('POST', '/operator/relying-services', { id: 'stays', audience: null })).status,
    ).toBe(201);
    expect(await authenticate('stays', body.client_secret)).toBe(false);
  });

  it('one of the file is withdrawn there; its secret is rotated through the file', async () => {
    for (const path of [
      '/operator/relying-services/orders',
      '/operator/relying-services/orders/secrets/old',
    ]) {
      expect(await ask('DELETE', path)).toMatchObject({
        status: 409,
        body: { code: 'declared_in_file' },
      });
    }
    const { body } = await ask('POST', '/operator/relying-services/orders/secrets', {});
    expect(body).toMatchObject({ source: 'file' });
    expect(await authenticate('orders', body.client_secret)).toBe(true);
    expect((await ask('POST', '/operator/relying-services/orders/secrets', {})).status).toBe(409);

    const secretSha256 = Buffer.from(body.secret_sha256, 'hex');
    await replica.get(RelyingServices).reconcile([{ ...declared, secretSha256 }]);
    expect(await authenticate('orders', body.client_secret)).toBe(true);
    expect((await ask('POST', '/operator/relying-services/orders/secrets', {})).status).toBe(201);
  });

  it('the file takes over an id that an operator had added, and the secrets of before are void', async () => {
    const { body } = await ask('POST', '/operator/relying-services', {
      id: 'moves',
      audience: null,
    });
    await replica.get(RelyingServices).reconcile([declared, { ...declared, id: 'moves' }]);
    expect(await authenticate('moves', body.client_secret)).toBe(false);
    expect((await ask('DELETE', '/operator/relying-services/moves')).body).toMatchObject({
      code: 'declared_in_file',
    });
    await replica.get(RelyingServices).reconcile([declared]);
  });

  it("nobody takes identity's own name", async () => {
    const { status } = await ask('POST', '/operator/relying-services', {
      id: 'identity',
      audience: null,
    });
    expect(status).toBe(409);
  });

  it('who has not applied a revocation for long is behind, who says nothing is silent', async () => {
    const [late, current, silent, starting] = [
      randomUUID(),
      randomUUID(),
      randomUUID(),
      randomUUID(),
    ];
    const applied = { epoch: 1, seq: await head() };
    for (const instanceId of [late, current, silent]) {
      await replica.get(CheckIns).checkIn('orders', { instanceId, kids: ['k'], applied });
    }
    await replica
      .get(CheckIns)
      .checkIn('orders', { instanceId: starting, kids: [], applied: undefined });
    await ask('POST', '/operator/revocations', { kind: 'all' });
    await replica.get(CheckIns).checkIn('orders', {
      instanceId: current,
      kids: ['k'],
      applied: { ...applied, seq: applied.seq + 1 },
    });
    await sql(`UPDATE revocations SET at = at - 30 WHERE seq = ${String(applied.seq + 1)}`);
    await sql(
      `UPDATE relying_service_instances SET last_seen_at = last_seen_at - interval '20 s' WHERE instance_id = '${silent}'`,
    );
    const { body } = await ask('GET', '/operator/relying-services');
    const orders = body.items.find(({ id }) => id === 'orders')!;
    const states = Object.fromEntries(
      (orders['instances'] as Item[]).map((instance) => [
        instance['instance_id'],
        instance['state'],
      ]),
    );
    expect(states).toEqual({
      [late]: 'behind',
      [current]: 'current',
      [silent]: 'silent',
      [starting]: 'starting',
    });
  });
});

it('status says who asks, and how identity stands', async () => {
  const { body } = await ask('GET', '/operator/status');
  expect(body).toMatchObject({
    operator: { name: 'all', roles: [...OPERATOR_ROLES] },
    revocation: { epoch: 1, head: await head() },
    closed_epochs: [],
    relay: null,
    signing_keys: [{ state: 'prepared' }, { state: 'active' }],
    audit: { rows_to_seal: expect.any(Number), oldest_seconds: expect.any(Number) },
  });
  expect(Math.abs(body.clocks.identity - body.clocks.database)).toBeLessThan(5);
  expect(JSON.stringify(body)).not.toMatch(/private|\bsealed|"d":/);
});

it('the audit log is read page by page', async () => {
  const first = await ask('GET', '/operator/audit?limit=2');
  const second = await ask(
    'GET',
    `/operator/audit?limit=2&cursor=${String(first.body.next_cursor)}`,
  );
  const ids = [...first.body.items, ...second.body.items].map(({ id }) => Number(id));
  expect(ids).toHaveLength(4);
  expect([...ids].sort((a, b) => b - a)).toEqual(ids);
});

it('the audit log is searched by account, actor, action and time, and all of them at once', async () => {
  const account = randomUUID();
  const audit = replica.get(AuditLog);
  await replica.database.transaction(async (tx) => {
    for (const action of ['sign_in', 'session.end'] as const) {
      await audit.record(tx, { actor: 'account:x', action, target: null, accountId: account });
    }
  });
  const [newest] = (await ask('GET', `/operator/audit?account_id=${account}&limit=1`)).body.items;
  const at = Number(newest?.['at']);
  const found = async (query: string) =>
    (await ask('GET', `/operator/audit?${query}`)).body.items.map(({ action }) => action);
  expect(await found(`account_id=${account}`)).toEqual(['session.end', 'sign_in']);
  expect(await found('actor=account:x')).toEqual(['session.end', 'sign_in']);
  expect(await found(`account_id=${account}&action=sign_in`)).toEqual(['sign_in']);
  expect(await found(`actor=account:x&since=${String(Math.ceil(at) + 60)}`)).toEqual([]);
  expect(await found(`actor=account:x&since=${String(at - 60)}&action=session.end`)).toEqual([
    'session.end',
  ]);
});

it.each([
  ['/operator/users?email=%00', 400],
  ['/operator/users', 400],
  ['/operator/users?email=a@b.example&x=1', 400],
  ['/operator/revocations?cursor=x', 400],
  ['/operator/revocations?limit=0', 400],
  ['/operator/revocations?limit=1e9', 400],
  ['/operator/revocations?kind=x', 400],
  ['/operator/revocations?id=%00', 400],
  ['/operator/audit?cursor=99999999999999999999', 400],
  ['/operator/audit?cursor=999999999999999999', 200],
  ['/operator/audit?account_id=x', 400],
  ['/operator/audit?actor=%00', 400],
  ['/operator/audit?since=1e99', 400],
  ['/operator/audit?since=yesterday', 400],
  ['/operator/audit?since=253402300799', 200],
  ['/operator/audit?who=x', 400],
  ['/operator/nowhere', 404],
])('GET %s is answered %i', async (path, status) => {
  const answer = await ask('GET', path);
  expect(answer.status).toBe(status);
});

it('a client goes through its life', async () => {
  const client = { id: 'reporting', audiences: ['orders'], scopes: ['a', 'b'] };
  const made = await ask('POST', '/operator/clients', client);
  expect(made).toMatchObject({ status: 201, body: { client_secret: expect.any(String) } });
  expect(await ask('GET', '/operator/clients/reporting')).toMatchObject({ body: client });
  const own = (method: string, rest = '', body?: unknown) =>
    ask(method, `/operator/clients/reporting${rest}`, body);
  expect((await own('PATCH', '', { scopes: ['a', 'b', 'c'] })).body).toMatchObject({
    revocation: null,
  });
  expect((await own('PATCH', '', { scopes: ['a'] })).status).toBe(202);
  expect((await own('POST', '/secrets', {})).status).toBe(201);
  expect((await own('DELETE', '/secrets/old')).body).toMatchObject({ dropped: 1 });
  expect((await own('POST', '/disable', {})).status).toBe(202);
  expect((await own('POST', '/enable')).status).toBe(200);
});

it('has seen a good answer of every route, but of those that need keys with a past', () => {
  const unseen = Object.entries(listener.document.paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .map((method) => `${method.toUpperCase()} ${path}`)
      .filter(
        (route) => ![200, 201, 202, 204].some((s) => listener.answers.seen.has(`${route} ${s}`)),
      ),
  );
  expect(unseen.sort()).toEqual([
    'POST /operator/keys/{kid}/purge',
    'POST /operator/keys/{kid}/revoke',
  ]);
});
