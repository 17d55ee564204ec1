import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import pg from 'pg';
import { backUp } from './chaos/restored-database.js';
import {
  enterLine,
  pathWithCountersign,
  readPage,
  shellLines,
  shellLinesUnder,
} from './page-commands.js';
import { bearer, expectStatus, post, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/operations/keys.md');

let stack: Stack;
let env: Record<string, string>;
const ran = new Set<string>();

beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders'], {
    JWKS_CACHE_SECONDS: '1',
    KEY_PUBLICATION_SECONDS: '1',
    // Long enough that a stopped service still counts as live when the last of the commands runs, however slow the machine.
    STALENESS_LIMITS: '30/180',
  });
  env = {
    ...stack.env('identity'),
    PATH: pathWithCountersign(stack.folder),
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions', 'keys']),
  };
});
afterAll(() => stack.stop());

const commandsUnder = (heading: string) => shellLinesUnder(page, heading);

/** Runs a line of the page as it stands there, but for the kids in it. */
function enter(line = '', kids: Record<string, string> = {}): Promise<CliResult> {
  ran.add(line);
  const text = line.replace(/\b(KID|PREPARED)$/, (name) => kids[name] ?? name);
  return enterLine(text, { env, cwd: stack.folder });
}
const done = (out: string | RegExp = '') => ({
  code: 0,
  out: expect.stringMatching(out) as string,
});

/** A machine that is busy may take longer than the command waits; then it says so, and it happens all the same. */
function expectRevoked({ code, out, err }: CliResult): void {
  if (code === 0) expect(out).toMatch(/^orders +[\w-]{36} +applied +\d+ ms$/m);
  else
    expect([code, err]).toEqual([1, expect.stringContaining('not every live instance has said')]);
}

async function kids(state: string): Promise<string[]> {
  const { out } = await stack.cli(['keys', 'list', '--json'], env);
  const { items } = JSON.parse(out) as { items: { kid: string; state: string }[] };
  return items.filter((key) => key.state === state).map(({ kid }) => kid);
}
const kid = async (state: string) => (await kids(state))[0] ?? 'none';
/** What the page calls so. After a revocation the next key is prepared in a moment. */
async function theTwo(): Promise<{ KID: string; PREPARED: string }> {
  await until(async () => (await kids('prepared')).length > 0, 30_000);
  return { KID: await kid('active'), PREPARED: await kid('prepared') };
}
interface SignedIn {
  readonly access_token: string;
  readonly refresh_token: string;
}
type Account = { readonly email: string; readonly password: string };
const expectAnswer = (status: number, path: string, body: object) =>
  expectStatus(status, post(stack.url('public', path), body));
async function signIn(account: Account): Promise<SignedIn> {
  return (await (await expectAnswer(200, '/auth/login', account)).json()) as SignedIn;
}
async function signedIn(email: string): Promise<SignedIn & { account: Account }> {
  const account = await stack.addAccount(email);
  return { account, ...(await signIn(account)) };
}
const refresh = (token: string) =>
  post(stack.url('public', '/auth/refresh'), { refresh_token: token });
/** What a browser shows that has signed in with delivery `session`. */
async function cookieOf(account: Account): Promise<string> {
  const origin = { origin: stack.url('gateway') };
  const login = { ...account, delivery: 'session' };
  const answer = await post(stack.url('public', '/auth/login'), login, origin);
  const lines = answer.headers.getSetCookie();
  return lines.find((line) => line.startsWith('__Host-countersign-session='))!.split(';')[0]!;
}
/** As it is in the database. */
async function sealedProofKey(): Promise<Buffer> {
  const database = new pg.Client(stack.postgres.url);
  await database.connect();
  const { rows } = await database.query<{ key: Buffer }>(
    `SELECT sealed_proof_key AS key FROM revocation_head`,
  );
  await database.end();
  return rows[0]!.key;
}
const atOrders = async (token: string) =>
  (await fetch(stack.url('orders', '/orders'), { headers: bearer(token) })).status;
async function restart(): Promise<void> {
  await stack.endApp('identity');
  await stack.startApp('identity');
}

it('the page begins with what changes nothing', async () => {
  const [list, plan] = shellLines(page);
  expect(await enter(list)).toMatchObject(done(/ active /));
  expect(await enter(plan)).toMatchObject(done(/ signs from /));
});

it('rotate: while a service is cut off, the dry run and the plan name it; then it goes on by itself', async () => {
  const [dryRun, rotate] = commandsUnder('Rotate');
  const [plan, services, force] = commandsUnder('Someone is behind');
  stack.running('orders').child.kill('SIGSTOP');
  try {
    await whileOrdersIsCutOff();
  } finally {
    stack.running('orders').child.kill('SIGCONT');
  }
  await until(async () => (await enter(services)).out.includes('orders'), 30_000);

  async function whileOrdersIsCutOff(): Promise<void> {
    // Another key, that orders has not seen.
    await stack.cli(['keys', 'rotate', '--force', '--yes'], env);
    const next = await kid('prepared');
    await until(async () => /behind: orders /.test((await enter(dryRun)).out), 30_000);
    expect(await enter(rotate)).toMatchObject(done(/waits until every instance|must be published/));
    await until(async () => /waits until[^]*behind: orders /.test((await enter(plan)).out), 30_000);
    expect((await enter(services)).code).toBe(0);
    expect(await kid('prepared')).toBe(next);
    const forced = await enter(force);
    // A database too busy for a lock: "try again". What identity has noted it does by itself, though.
    const signs = async () => (await kid('active')) === next;
    if (forced.code === 4)
      await until(async () => (await signs()) || (await enter(force)).code === 0, 60_000);
    else
      expect(forced).toMatchObject(done(new RegExp(`done: ${next} signs[^]*in spite of orders`)));
  }

  // Now nothing holds it up: it is asked for, and ends by itself.
  const [before, after] = [await kid('active'), await kid('prepared')];
  expect(await enter(rotate)).toMatchObject(done());
  await until(async () => (await kid('active')) === after, 90_000);
  expect(await kids('retired')).toContain(before);
});

it('a key was stolen: each instance says when it knew; sessions go on', async () => {
  const [revoke, fresh, prepared, list] = commandsUnder('A key was stolen');
  const given = await signedIn('ann@example.test');
  await until(async () => (await atOrders(given.access_token)) === 200, 60_000);
  expectRevoked(await enter(revoke, { KID: await kid('active') }));
  await until(async () => (await atOrders(given.access_token)) === 401, 30_000);
  const refreshed = await refresh(given.refresh_token);
  const { access_token: renewed } = (await refreshed.json()) as SignedIn;
  await until(async () => (await atOrders(renewed)) === 200, 30_000);

  const known = await theTwo();
  expectRevoked(await enter(fresh, known));
  expect(await kid('active')).not.toBe(known.PREPARED);
  expectRevoked(await enter(prepared, known));
  await until(async () => / active [^]* prepared /.test((await enter(list)).out), 30_000);
});

it('the master key changes: refresh tokens and access tokens of before go on', async () => {
  const [add, first, dryRun, rotate, status, takeAway] = commandsUnder('Change the master key');
  const bob = await signedIn('bob@example.test');
  await enter(add);
  await restart();
  expect(await enter(first)).toMatchObject(done());
  await restart();
  expect(await enter(dryRun)).toMatchObject(done(/signing_keys: 2 secret/));
  expect(await enter(rotate)).toMatchObject(done(/"k1" is not needed any more/));
  expect(await enter(status)).toMatchObject(done(/^k1 +nothing .* no$/m));
  await enter(takeAway);
  await restart();
  const me = await fetch(stack.url('public', '/auth/me'), { headers: bearer(bob.access_token) });
  expect(me.status).toBe(200);
  expect((await refresh(bob.refresh_token)).status).toBe(200);
});

it('the master key was stolen: what it opened is of no use any more; browsers with an opaque cookie go on', async () => {
  const [dryRun, rotate, endAll] = commandsUnder('The master key was stolen');
  const [, fresh, prepared] = commandsUnder('A key was stolen');
  const [add, first, , , , takeAway] = commandsUnder('Change the master key');
  const eve = await signedIn('eve@example.test');
  const cookie = await cookieOf(eve.account);
  async function revokeBoth(): Promise<void> {
    const signed = (await signIn(eve.account)).access_token;
    await until(async () => (await atOrders(signed)) === 200, 60_000);
    const known = await theTwo();
    expectRevoked(await enter(fresh, known));
    expectRevoked(await enter(prepared, known));
    expect(await kids('revoked')).toEqual(expect.arrayContaining(Object.values(known)));
    await until(async () => (await atOrders(signed)) === 401, 30_000);
  }
  await revokeBoth();
  await expectAnswer(202, '/auth/password-reset', { email: eve.account.email });
  const link = await stack.tokenSentTo(eve.account.email);
  for (const line of [add, first]) {
    await enter(line);
    await restart();
  }
  const proofKey = await sealedProofKey();
  expect(await enter(dryRun)).toMatchObject(
    done(/to be replaced: secrets of sessions[^]*nothing was changed/),
  );
  expect(await sealedProofKey()).toEqual(proofKey);
  expect((await refresh(eve.refresh_token)).status).toBe(200);

  const again = await signIn(eve.account);
  expect(await enter(rotate)).toMatchObject(
    done(/replaced: [1-9]\d* secrets of sessions[^]*restart/),
  );
  await enter(takeAway);
  await restart();
  expect(await (await refresh(again.refresh_token)).json()).toMatchObject({
    code: 'refresh_token_rejected',
  });
  await revokeBoth();
  const reset = { token: link, password: 'another long password' };
  await expectAnswer(400, '/auth/password-reset/confirm', reset);
  const me = await fetch(stack.url('public', '/auth/me'), { headers: { cookie } });
  expect(me.status).toBe(200);
  expect((await refresh((await signIn(eve.account)).refresh_token)).status).toBe(200);
  expect(await enter(endAll)).toMatchObject(done(/ended [1-9]\d* session/));
});

it('an existing key is imported', async () => {
  const [dryRun, take, remove, pipe] = commandsUnder('Import an existing key');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  writeFileSync(join(stack.folder, 'old-key.pem'), pem);
  // The next key is made a few seconds after the last one was revoked.
  await until(async () => (await kids('prepared')).length > 0, 30_000);
  const before = await kids('prepared');
  expect(await enter(dryRun)).toMatchObject(done(/can be imported \(RSA, 2048 bits\)/));
  expect(await kids('prepared')).toEqual(before);
  expect(await enter(take)).toMatchObject(done(/is prepared \(RSA, 2048 bits\)/));
  expect(await enter(remove)).toMatchObject(done());
  expect(await enter(pipe)).toMatchObject(done(/is prepared \(RSA, 3072 bits\)/));
  expect(await kids('prepared')).toHaveLength(before.length + 2);
  const again = await stack.cli(['keys', 'import', '-'], env, pem);
  expect(again).toMatchObject({ code: 3, err: expect.stringContaining('is here already') });
  const weak = await stack.cli(['keys', 'import', '-'], env, 'nothing');
  expect(weak).toMatchObject({ code: 2, err: 'that is neither PEM nor a JWK\n' });
  expect(stack.logs()).not.toContain(pem.split('\n')[3]);
});

it('the database is restored: the stolen key is back, and revoked again', async () => {
  const [migrate, status, raise, list, revoke] = commandsUnder('Restore from a backup');
  const stolen = await kid('active');
  const restore = await backUp(stack);
  await until(async () => (await fetch(stack.url('public', '/.well-known/jwks.json'))).ok, 20_000);
  await until(
    async () =>
      (await stack.cli(['keys', 'revoke', '--yes', '--reason', 'x', '--', stolen], env)).code ===
        0 || (await kids('revoked')).includes(stolen),
    30_000,
  );
  await stack.endApp('identity');
  await restore();
  expect(await enter(migrate)).toMatchObject(done());
  expect(await enter(status)).toMatchObject(done(/ yes$/m));
  expect(await enter(raise)).toMatchObject(done(/has begun/));
  await stack.startApp('identity');
  expect(await kid('active')).toBe(stolen);
  expect((await enter(list)).code).toBe(0);
  await enter(revoke, { KID: stolen });
  expect(await kids('revoked')).toContain(stolen);
});

it('every command of the page was run', () => {
  expect([...new Set(shellLines(page))].filter((line) => !ran.has(line))).toEqual([]);
  expect(shellLines(page).length).toBeGreaterThan(20);
});
