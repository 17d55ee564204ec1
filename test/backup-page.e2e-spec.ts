import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import pg from 'pg';
import { installedPostgres } from './installed-postgres.js';
import { untilProofIsHeld } from './chaos/restored-database.js';
import { podEnvironment, render } from './deployment/kustomize.js';
import {
  addKubectl,
  enterLine,
  pathWithCountersign,
  readPage,
  shellLines,
  shellLinesUnder,
} from './page-commands.js';
import { bearer, post, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/operations/backup.md');

interface Given {
  readonly access_token: string;
  readonly refresh_token: string;
}
interface Account {
  readonly email: string;
  readonly password: string;
}

let stack: Stack;
let env: Record<string, string>;
let ann: Account;
let bob: Account;
/** Ended before the first backup. */
let endedBefore: Given;
/** Of a session that the first backup has. */
let inBackup: Given;
const ran = new Set<string>();

beforeAll(async () => {
  const programs = installedPostgres();
  // Long enough that orders answers from what it knows while identity is away, however slow the machine.
  stack = await Stack.start(['identity', 'orders'], { STALENESS_LIMITS: '30/180' }, programs);
  const folders = Object.fromEntries(
    ['backup', 'keys'].map((name) => [name, join(stack.folder, name)] as const),
  );
  for (const folder of Object.values(folders)) mkdirSync(folder);
  const rehearsal = new URL(stack.postgres.adminUrl);
  rehearsal.pathname = 'rehearsal';
  env = {
    ...stack.env('identity'),
    PATH: `${join(programs, 'bin')}:${pathWithCountersign(stack.folder)}`,
    BACKUP: folders['backup']!,
    KEYS: folders['keys']!,
    MIGRATION_DATABASE_URL: stack.postgres.url,
    ADMIN_URL: stack.postgres.adminUrl,
    SPARE_ADMIN_URL: stack.postgres.adminUrl,
    REHEARSAL_URL: rehearsal.toString(),
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions']),
  };
  [ann, bob] = [
    await stack.addAccount('ann@example.test'),
    await stack.addAccount('bob@example.test'),
  ];
});
afterAll(() => stack.stop());

const commandsUnder = (heading: string) => shellLinesUnder(page, heading);
const [dump = '', ...restOfBackup] = commandsUnder('Take a backup');
const [leftOver = '', wipe = '', ...restOfRestore] = commandsUnder('Restore');
const [services = '', masterKeys = '', migrate = '', masterKeyStatus = '', ...epoch] =
  restOfRestore;
const [keepSessions = ''] = commandsUnder('When nothing was lost');

/** Runs a line of the page as it stands there, but for the name of the role of this test. */
function enter(line = ''): Promise<CliResult> {
  ran.add(line);
  const text = line.replace(/--grant-to countersign$/, '--grant-to identity_service');
  return enterLine(text, { env, cwd: stack.folder });
}
/** The same, and it must succeed. @returns what it wrote */
async function succeed(line = ''): Promise<string> {
  const { code, out, err } = await enter(line);
  if (code !== 0) throw new Error(`${line}: ${String(code)}\n${out}${err}`);
  return out;
}

async function logIn(account: Account): Promise<Given> {
  const answer = await post(stack.url('public', '/auth/login'), account);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Given;
}
const logOut = ({ access_token: token }: Given) =>
  post(stack.url('public', '/auth/logout'), {}, bearer(token));
const refresh = async ({ refresh_token: token }: Given) =>
  (await post(stack.url('public', '/auth/refresh'), { refresh_token: token })).status;
/** What orders says to a token: `accepted`, or the code of its refusal. */
async function atOrders({ access_token: token }: Given): Promise<string> {
  const answer = await fetch(stack.url('orders', '/orders'), { headers: bearer(token) });
  return answer.ok ? 'accepted' : ((await answer.json()) as { code: string }).code;
}
const untilAtOrders = (given: Given, answer: string) =>
  until(async () => (await atOrders(given)) === answer, 30_000);

/** Waits until identity has left a sign of life in the epoch that it runs in. */
const untilSign = () =>
  untilThereIs(
    `SELECT FROM check_in_clock WHERE ticked_at > (SELECT max(closed_at) FROM revocation_epochs)`,
  );

async function untilThereIs(sql: string): Promise<void> {
  const database = new pg.Client({ connectionString: stack.postgres.url });
  await database.connect();
  try {
    await until(async () => (await database.query(sql)).rows.length > 0, 60_000);
  } finally {
    await database.end();
  }
}

/** The time that the output says is lost, in milliseconds. */
function lostTime(out: string): { from: number; to: number } {
  const [, from = '', to = ''] = /what was done from (\S+) to (\S+) is lost/.exec(out) ?? [];
  return { from: Date.parse(from), to: Date.parse(to) };
}

it('a backup is taken while identity serves', async () => {
  endedBefore = await logIn(bob);
  await logOut(endedBefore);
  await untilAtOrders(endedBefore, 'revoked');
  inBackup = await logIn(ann);
  for (const line of [dump, ...restOfBackup]) await succeed(line);
  expect(readFileSync(join(env['KEYS']!, 'audit-head'), 'utf8')).toMatch(/^head \d+:\S+$/m);
  for (const file of ['backup/countersign.dump', 'keys/master-keys'])
    expect(statSync(join(stack.folder, file)).mode & 0o077).toBe(0);
});

it('restored: the lost time is named, and whatever was revoked before or after the backup is in force', async () => {
  const lostFrom = Date.now();
  const cy = await stack.addAccount('cy@example.test');
  const after = [await logIn(ann), await logIn(cy)];
  await logOut(inBackup);
  await untilAtOrders(inBackup, 'revoked');
  for (const given of after) await untilAtOrders(given, 'accepted');
  const lostTo = Date.now();

  await stack.endApp('identity');
  await succeed(leftOver);
  for (const file of ['RELYING_SERVICES_FILE', 'MASTER_KEY_FILE']) rmSync(env[file]!);
  for (const line of [wipe, services, masterKeys, migrate]) await succeed(line);
  expect(await succeed(masterKeyStatus)).toMatch(/^k1 .* yes$/m);

  const [preview, raise, doctor, status] = epoch;
  for (const line of [preview, raise]) {
    const out = await succeed(line);
    expect(out).toMatch(/END ALL [1-9]\d* session|^epoch 2 has begun; ended [1-9]\d* session/);
    const { from, to } = lostTime(out);
    expect([from <= lostFrom, to + 1_000 >= lostTo]).toEqual([true, true]);
  }
  await stack.startApp('identity');

  const all = [endedBefore, inBackup, ...after];
  for (const given of all) await untilAtOrders(given, 'revoked');
  // What orders has seen itself is no help now: it begins with nothing.
  await stack.endApp('orders');
  await stack.startApp('orders');
  for (const given of all)
    expect([await atOrders(given), await refresh(given)]).toEqual(['revoked', 401]);
  expect((await post(stack.url('public', '/auth/login'), cy)).status).toBe(401);
  await untilAtOrders(await logIn(ann), 'accepted');

  for (const line of [doctor, status])
    expect(lostTime((await enter(line)).out).from).toBeLessThanOrEqual(lostFrom);
});

it('--keep-sessions: sessions, tokens and revocations go on', async () => {
  const [given, ended] = [await logIn(ann), await logIn(bob)];
  await logOut(ended);
  await untilAtOrders(ended, 'revoked');
  await stack.endApp('identity');
  for (const line of [dump, wipe, migrate]) await succeed(line);
  expect(await succeed(keepSessions)).toContain('epoch 3 has begun; sessions were kept');
  await stack.startApp('identity');

  await stack.endApp('orders');
  await stack.startApp('orders');
  await untilAtOrders(given, 'accepted');
  expect([await atOrders(ended), await refresh(ended)]).toEqual(['revoked', 401]);
  expect(await refresh(given)).toBe(200);
});

it('--keep-sessions, and something was lost all the same: a service that ran on proves it, and everything ends', async () => {
  const [given, ended] = [await logIn(ann), await logIn(bob)];
  await untilSign();
  await succeed(dump);
  await logOut(ended);
  await untilAtOrders(ended, 'revoked');
  await untilProofIsHeld(stack, 'orders');
  await stack.endApp('identity');
  for (const line of [wipe, keepSessions]) await succeed(line);
  await stack.startApp('identity');
  await untilAtOrders(given, 'revoked');
  expect([await refresh(given), await refresh(ended)]).toEqual([401, 401]);
  expect(stack.logs()).toContain('all sessions have ended and all tokens are revoked');
});

it('a backup is restored elsewhere, to rehearse it', async () => {
  const [create, restore, schema, seals, audit, preview, drop] = commandsUnder('Rehearse it');
  for (const line of [create, restore, schema]) await succeed(line);
  expect(await succeed(seals)).toMatch(/^k1 .* yes$/m);
  expect(await succeed(audit)).toMatch(/, 0 fault\(s\)$/m);
  expect(lostTime(await succeed(preview)).from).toBeGreaterThan(0);
  await succeed(drop);
});

it('on Kubernetes: the console has what the commands need, and identity is away meanwhile', async () => {
  const { DATABASE_URL: url = '', ...rest } = stack.env('identity');
  const withoutPassword = new URL(url);
  withoutPassword.password = '';
  const passwordFile = join(stack.folder, 'database-password');
  writeFileSync(passwordFile, new URL(url).password, { mode: 0o600 });
  const here: Record<string, string> = {
    ...rest,
    DATABASE_URL: withoutPassword.toString(),
    DATABASE_PASSWORD_FILE: passwordFile,
  };
  const given = podEnvironment(render('k8s/overlays/production'), 'CronJob', 'console');
  const inPod = Object.keys(given).filter((name) => name in here);
  const asked = addKubectl(
    stack.folder,
    Object.fromEntries(inPod.map((name) => [name, here[name]!])),
  );
  await stack.endApp('identity');
  const lines = commandsUnder('On Kubernetes');
  for (const line of lines) {
    const { code, out } = await enter(line);
    expect([line, code, out]).toEqual([line, 0, expect.any(String)]);
    if (line.includes('epoch raise --yes')) expect(out).toMatch(/^epoch \d+ has begun/);
  }
  const order = ['--replicas=0', 'wait --for=delete', 'epoch raise --yes', '--replicas=3'];
  const at = order.map((step) => asked().findIndex((line) => line.includes(step)));
  expect(at).toEqual([...at].sort((one, other) => one - other));
  expect(at).not.toContain(-1);
  await stack.startApp('identity');
});

it('every command of the page was run', () => {
  expect([...new Set(shellLines(page))].filter((line) => !ran.has(line))).toEqual([]);
  expect(shellLines(page).length).toBeGreaterThan(20);
});
