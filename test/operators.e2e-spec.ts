import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { bearer, expectApplied, expectStatus, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders']);
  token = await stack.addOperator('alice', ['read', 'end-sessions', 'keys']);
});
afterAll(() => stack.stop());

/** Runs a command as alice. */
const countersign = (...args: string[]): Promise<CliResult> =>
  stack.cli(args, {
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: token,
  });
/** The same with `--json`; what it printed, parsed. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await countersign(...args, '--json');
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${err}`);
  return JSON.parse(out) as T;
}
interface Status {
  operator: { name: string };
  revocation: { head: number };
}
const head = async () => (await json<Status>('status')).revocation.head;
const statusAtOrders = async (accessToken: string) =>
  (await fetch(stack.url('orders', '/orders'), { headers: bearer(accessToken) })).status;

it('ends the sessions of a person: their token is refused', async () => {
  const ann = await stack.addAccount('ann@example.test');
  const accessToken = await stack.signIn(ann);
  expect(await statusAtOrders(accessToken)).toBe(200);
  const ended = await countersign('sessions', 'end', '--email', ann.email, '--reason', 'test');
  expect(ended).toMatchObject({ code: 0, err: '' });
  expect(ended.out).toMatch(
    /^ended 1 session\(s\)\nrevocation 1\.\d+: (applied by every live instance \(2\), the slowest after \d+ ms\n$|committed)/,
  );
  // The command has waited for the receipts: nothing is left to wait for here.
  await expectApplied(ended.out, async () => (await statusAtOrders(accessToken)) === 401);
  const [, position = ''] = /revocation (1\.\d+)/.exec(ended.out) ?? [];
  const shown = async () => (await countersign('revocations', 'show', position)).out;
  await until(async () => /^orders +[\w-]{36} +applied +\d+ ms$/m.test(await shown()), 30_000);
  expect((await countersign('revocations', 'list', '--kind', 'sub')).out).toContain(position);
});

it('a dry run changes nothing; a revocation needs a yes, and kills what was issued before', async () => {
  const bob = await stack.addAccount('bob@example.test');
  const accessToken = await stack.signIn(bob);
  const before = await head();
  const dry = await json<{ dry_run: boolean; reach: unknown }>(
    'revoke',
    'sub',
    bob.email,
    '--dry-run',
  );
  expect(dry).toMatchObject({ dry_run: true, reach: { accounts: 1, sessions: 1 } });
  const unconfirmed = await countersign('revoke', 'sub', bob.email);
  expect(unconfirmed.code).toBe(2);
  expect(unconfirmed.err).toContain('--yes');
  expect(await head()).toBe(before);
  expect(await statusAtOrders(accessToken)).toBe(200);

  const revoked = await json('revoke', 'sub', bob.email, '--yes', '--reason', 'test');
  expect(revoked).toMatchObject({ revocation: { kind: 'sub', seq: before + 1 } });
  await until(async () => (await statusAtOrders(accessToken)) === 401, 20_000);
});

it('the API describes itself, to programs and on a page', async () => {
  const document = await fetch(stack.url('operator', '/operator/openapi.json'));
  expect(await document.json()).toMatchObject({
    openapi: '3.1.1',
    paths: { '/operator/status': { get: { security: [{ operator: ['read'] }] } } },
  });
  const page = await fetch(stack.url('operator', '/operator/docs'));
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('/operator/sessions/end');
});

it('a cut-off in the future is refused', async () => {
  const before = await head();
  const refused = await countersign(
    'revoke',
    'all',
    '--before',
    '2999-01-01T00:00:00Z',
    '--yes',
    '--json',
  );
  expect(refused.code).toBe(3);
  expect(JSON.parse(refused.err)).toMatchObject({ error: { code: 'cutoff_in_future' } });
  expect(await head()).toBe(before);
});

it('a role is given on the console and taken by an operator: tokens that carried it are refused', async () => {
  const eve = await stack.addAccount('eve@example.test');
  const earlier = await stack.signIn(eve);
  const give = ['accounts', 'give-role', '--email', eve.email, '--role', 'support'];
  expect(await stack.cli(give, stack.env('identity'))).toMatchObject({
    code: 0,
    out: expect.stringContaining('customer support now; 1 session(s) ended'),
  });
  await until(async () => (await statusAtOrders(earlier)) === 401, 20_000);
  const accessToken = await stack.signIn(eve);
  const taken = await countersign('users', 'take-role', eve.email, 'customer');
  expect(taken.out).toMatch(/has the role\(s\) support now\nrevocation 1\.\d+: /);
  await expectApplied(taken.out, async () => (await statusAtOrders(accessToken)) === 401);
  const [, claims = ''] = (await stack.signIn(eve)).split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    roles: ['support'],
    scope: 'orders:read payments:read',
  });
});

it('locks a person out, and lets them in again', async () => {
  const carl = await stack.addAccount('carl@example.test');
  const accessToken = await stack.signIn(carl);
  expect((await countersign('users', 'disable', carl.email)).code).toBe(0);
  await until(async () => (await statusAtOrders(accessToken)) === 401, 20_000);
  await expect(stack.signIn(carl)).rejects.toThrow('got 401');
  expect((await countersign('users', 'show', carl.email)).out).toMatch(/disabled +\d{4}-/);
  expect((await countersign('users', 'enable', carl.email)).code).toBe(0);
  await stack.signIn(carl);
});

it('adds a relying service and rotates its secret without an outage', async () => {
  const added = await countersign('services', 'add', 'invoices', '--audience', 'orders');
  expect(added.code).toBe(0);
  const first = added.out.trim();
  stack.know(first);
  const { client_secret: second } = await json<{ client_secret: string }>(
    'services',
    'rotate-secret',
    'invoices',
  );
  stack.know(second);
  const asInvoices = async (secret: string) =>
    (
      await fetch(stack.url('service', '/revocations'), {
        headers: { authorization: `Basic ${Buffer.from(`invoices:${secret}`).toString('base64')}` },
      })
    ).status;
  expect([await asInvoices(first), await asInvoices(second)]).toEqual([200, 200]);
  expect((await countersign('services', 'rotate-secret', 'invoices', '--finish')).code).toBe(0);
  expect([await asInvoices(first), await asInvoices(second)]).toEqual([401, 200]);
  expect((await countersign('services', 'list')).out).toMatch(
    /invoices +orders +operator +- +no instance/,
  );
  expect((await countersign('services', 'remove', 'invoices')).code).toBe(0);
  expect(await asInvoices(second)).toBe(401);
  expect((await countersign('services', 'remove', 'orders')).code).toBe(3);
});

it('the doctor finds what is wrong, and says so by its exit code', async () => {
  // The declared gateway and payments do not run, which is worth a note and no more.
  await until(async () => (await countersign('doctor')).code === 0, 20_000);
  const well = await countersign('doctor');
  for (const check of ['ready', 'clock', 'revocations', 'feed', 'keys', 'configuration']) {
    expect(well.out).toMatch(new RegExp(`^ok +${check} `, 'm'));
  }
  expect(well.out).toMatch(/^note +service payments +no instance is live/m);

  const { client_secret: secret } = await json<{ client_secret: string }>(
    'services',
    'add',
    'lonely',
    '--audience',
    'nobody-names-this',
  );
  stack.know(secret);
  const ill = await countersign('doctor', '--json');
  expect(ill.code).toBe(1);
  expect(JSON.parse(ill.out)).toMatchObject({ healthy: false });
  expect(ill.out).toContain('nobody-names-this');
  expect((await countersign('services', 'remove', 'lonely')).code).toBe(0);
});

it('every way to fail has its exit code, and says what to do', async () => {
  const url = stack.url('operator');
  const as = (env: Record<string, string>, ...args: string[]) => stack.cli(args, env);
  expect(await as({ COUNTERSIGN_OPERATOR_URL: url }, 'status')).toMatchObject({
    code: 2,
    err: expect.stringContaining('set COUNTERSIGN_OPERATOR_TOKEN'),
  });
  const wrong = { COUNTERSIGN_OPERATOR_URL: url, COUNTERSIGN_OPERATOR_TOKEN: 'alice.wrong' };
  expect(await as(wrong, 'status')).toMatchObject({
    code: 3,
    err: expect.stringContaining('--replace'),
  });
  const reader = await stack.addOperator('reader', ['read']);
  const read = { COUNTERSIGN_OPERATOR_URL: url, COUNTERSIGN_OPERATOR_TOKEN: reader };
  expect(await as(read, 'revoke', 'all', '--yes')).toMatchObject({
    code: 3,
    err: expect.stringContaining('end-sessions'),
  });
  expect(
    await as({ ...read, COUNTERSIGN_OPERATOR_URL: 'http://127.0.0.1:9' }, 'status'),
  ).toMatchObject({ code: 4 });
  expect(
    await as({ ...read, COUNTERSIGN_OPERATOR_URL: 'http://identity.example' }, 'status'),
  ).toMatchObject({
    code: 2,
    err: expect.stringContaining('https'),
  });
  const nowhere = { DATABASE_URL: 'postgres://nobody:x@127.0.0.1:9/none' };
  for (const command of [
    ['migrate'],
    ['operators', 'list'],
    ['epoch', 'raise', '--yes'],
    ['accounts', 'give-role', '--email', 'a@example.test', '--role', 'support'],
  ]) {
    expect(await as(nowhere, ...command)).toMatchObject({
      code: 4,
      err: expect.stringContaining('no connection to the database'),
    });
  }
  expect((await as({}, 'epoch', 'raise', '--yes')).code).toBe(2);
  expect((await as({}, 'no-such-command')).code).toBe(2);
  expect((await as({}, 'revoke', 'all', '--before', 'tomorrow')).code).toBe(2);
  expect((await as({}, '--help')).code).toBe(0);
  expect((await countersign('users', 'show', 'nobody@example.test')).code).toBe(3);
});

it('a token file that others can read is refused', async () => {
  const file = join(stack.folder, 'operator-token');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const env = {
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN_FILE: file,
  };
  expect((await stack.cli(['status'], env)).code).toBe(0);
  chmodSync(file, 0o644);
  expect(await stack.cli(['status'], env)).toMatchObject({
    code: 2,
    err: expect.stringContaining('chmod 600'),
  });
});

it('an operator who is removed, or given a new token, is out at once', async () => {
  const old = await stack.addOperator('dora', ['read']);
  const status = (given: string) =>
    fetch(stack.url('operator', '/operator/status'), { headers: bearer(given) });
  await expectStatus(200, status(old));
  const identity = stack.env('identity');
  expect((await stack.cli(['operators', 'add', 'dora', '--role', 'read'], identity)).code).toBe(3);
  const replaced = await stack.cli(
    ['operators', 'add', 'dora', '--role', 'read', '--replace'],
    identity,
  );
  const renewed = replaced.out.trim();
  stack.know(renewed);
  await expectStatus(401, status(old));
  await expectStatus(200, status(renewed));
  expect((await stack.cli(['operators', 'remove', 'dora'], identity)).code).toBe(0);
  await expectStatus(401, status(renewed));
  expect((await stack.cli(['operators', 'list'], identity)).out).toMatch(
    /^dora +read +\S+ +\d{4}/m,
  );
});

it('an epoch is raised straight in the database, after a yes, and everything ends', async () => {
  const finn = await stack.addAccount('finn@example.test');
  const accessToken = await stack.signIn(finn);
  const raise = (...more: string[]) =>
    stack.cli(['epoch', 'raise', ...more], { DATABASE_URL: stack.databaseUrl });
  expect(await raise()).toMatchObject({ code: 2, err: expect.stringContaining('--dry-run') });
  const dry = await raise('--dry-run');
  expect(dry.out).toMatch(/END ALL [1-9]\d* session\(s\)[^]*nothing was changed/);
  expect(await statusAtOrders(accessToken)).toBe(200);

  const kept = await raise('--keep-sessions', '--above', '6', '--yes', '--json');
  expect(JSON.parse(kept.out)).toEqual({
    epoch: 7,
    head: 0,
    sessions_kept: true,
    lost_from: null,
    lost_to: null,
    ended_sessions: 0,
  });
  expect(await statusAtOrders(accessToken)).toBe(200);
  expect((await raise('--yes', '--reason', 'test')).out).toMatch(
    /^epoch 8 has begun; ended [1-9]\d* session/,
  );
  await until(async () => (await statusAtOrders(accessToken)) === 401, 30_000);
  expect((await countersign('status')).out).toContain('an operator raised it; all sessions ended');
  expect((await countersign('doctor')).out).toMatch(/^note +epoch +epoch 7 was closed at/m);
  expect((await countersign('relay', 'status')).out).toContain('no REDIS_URL');
  const audit = (await (
    await fetch(stack.url('operator', '/operator/audit?limit=2'), { headers: bearer(token) })
  ).json()) as { items: unknown[] };
  expect(audit.items).toMatchObject([
    { actor: 'console', action: 'epoch.raise', target: '8', details: { note: 'test' } },
    { actor: 'console', action: 'epoch.raise', target: '7' },
  ]);
});

it('no operator token and no new secret is in any log', () => {
  const logs = stack.logs();
  expect(logs).toContain('/operator/sessions/end');
  expect(stack.secrets().length).toBeGreaterThan(15);
  expect(stack.secrets().filter((secret) => logs.includes(secret))).toEqual([]);
});
