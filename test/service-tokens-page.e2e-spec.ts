import { jest } from '@jest/globals';
import {
  enterLine,
  pathWithCountersign,
  readPage,
  shellLines,
  shellLinesUnder,
} from './page-commands.js';
import { bearer, expectApplied, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/service-tokens.md');

let stack: Stack;
let env: Record<string, string>;
const ran = new Set<string>();

beforeAll(async () => {
  stack = await Stack.start();
  env = {
    PATH: pathWithCountersign(stack.folder),
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions', 'keys']),
  };
});
afterAll(() => stack.stop());

const commandsUnder = (heading: string) => shellLinesUnder(page, heading);

/** Runs a line of the page as it stands there, but for where the gateway is. */
async function enter(line: string): Promise<CliResult> {
  ran.add(line);
  const text = line.replace('http://localhost:8080', stack.url('gateway'));
  return enterLine(text, { env });
}
async function json<T>(line: string): Promise<T> {
  return JSON.parse((await enter(line)).out) as T;
}
const at = async (service: 'orders' | 'payments' | 'gateway', token: string, path: string) =>
  (await fetch(stack.url(service, path), { headers: bearer(token) })).status;
const everywhere = async (token: string) => [
  await at('orders', token, '/orders'),
  await at('payments', token, '/payments'),
  await at('gateway', token, '/orders'),
];

const [add = '', list = ''] = commandsUnder('Register a client');
const [get = '', getLess = '', use = ''] = commandsUnder('Get a token, and use it');

async function newToken(): Promise<string> {
  const { access_token: token } = await json<{ access_token: string }>(get);
  stack.know(token);
  return token;
}

it('a client is registered, gets tokens through the gateway, and every service takes them', async () => {
  const added = await enter(add);
  expect(added).toMatchObject({ code: 0, out: expect.stringMatching(/^[\w-]{43}\n$/) });
  expect(added.err).toContain('it is shown once');
  env['SECRET'] = added.out.trim();
  stack.know(env['SECRET']);
  expect((await enter(list)).out).toMatch(
    /^billing +confidential +orders payments +orders:read payments:read +1 +-$/m,
  );
  expect(await json(get)).toMatchObject({ token_type: 'Bearer', expires_in: 300 });
  expect(await json(getLess)).toMatchObject({ scope: 'orders:read' });
  env['TOKEN'] = await newToken();
  expect(await json(use)).toMatchObject({ items: [] });
  expect(await everywhere(env['TOKEN'])).toEqual([200, 200, 200]);
});

it('its token is revoked through the gateway, and refused everywhere when the answer is there', async () => {
  const [revoke = ''] = commandsUnder('Revoke');
  const other = await newToken();
  // On a machine that is too busy for the receipts to come in time, once more.
  for (let left = 5; left > 0; left -= 1) {
    const answer: { revocation: { epoch: number; status: string } } = await json(revoke);
    expect(answer).toMatchObject({ revocation: { epoch: 1 } });
    if (answer.revocation.status === 'applied') break;
    expect(left).toBeGreaterThan(1);
    env['TOKEN'] = await newToken();
  }
  expect(await everywhere(env['TOKEN']!)).toEqual([401, 401, 401]);
  expect(await everywhere(other)).toEqual([200, 200, 200]);
});

it('its secret is changed without an outage', async () => {
  const [rotate = '', finish = ''] = commandsUnder('Change a secret without an outage');
  const old = env['SECRET']!;
  const { out } = await enter(rotate);
  await newToken();
  expect((await enter(rotate)).code).toBe(3);
  env['SECRET'] = out.trim();
  stack.know(env['SECRET']);
  await newToken();
  expect((await enter(finish)).out).toBe('the old secret of billing is void\n');
  await newToken();
  expect(await json(get.replace('$SECRET', old))).toMatchObject({ error: 'invalid_client' });
});

it('an operator cuts it off: its tokens are refused everywhere; then for good', async () => {
  const [, cutOff = '', disable = '', enable = ''] = commandsUnder('Revoke');
  for (const line of [cutOff, disable]) {
    const token = await newToken();
    expect(await everywhere(token)).toEqual([200, 200, 200]);
    const { out } = await enter(line);
    expect(out).toMatch(/applied by every live instance \(4\)|not known to be applied/);
    await expectApplied(out, async () => (await everywhere(token)).join() === '401,401,401');
  }
  expect(await json(get)).toMatchObject({ error: 'invalid_client' });
  expect((await enter(enable)).code).toBe(0);
  expect(await everywhere(await newToken())).toEqual([200, 200, 200]);
});

it('what it loses is lost at once', async () => {
  const [look = '', change = '', show = '', firstParty = ''] = commandsUnder(
    'Change what a client may do',
  );
  const token = await newToken();
  expect((await enter(look)).out).toMatch(
    /^would lose +scopes payments:read\nits tokens would be revoked; nothing was changed$/m,
  );
  expect(await enter(change.replace(' --yes', ''))).toMatchObject({
    code: 2,
    err: expect.stringContaining('look with --dry-run, then say --yes'),
  });
  expect(await everywhere(token)).toEqual([200, 200, 200]);
  expect((await enter(change)).out).toMatch(/^scopes +orders:read$[^]*its tokens are revoked/m);
  await until(async () => (await at('payments', token, '/payments')) === 401, 20_000);
  expect(await everywhere(await newToken())).toEqual([200, 403, 200]);
  expect((await enter(show)).out).toMatch(/^audiences +orders payments$/m);

  const ann = await stack.addAccount('ann@example.test');
  const before = await stack.signIn(ann);
  const changed = await enter(firstParty);
  expect(changed).toMatchObject({ code: 0, out: expect.stringContaining('it has lost nothing') });
  expect(changed.err).toBe('no relying service has the audience invoices (yet)\n');
  expect(await at('orders', before, '/orders')).toBe(200);
  const [, claims = ''] = (await stack.signIn(ann)).split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    aud: ['identity', 'orders', 'payments', 'invoices'],
  });
});

it('the command line says what is wrong, and by its exit code what kind of wrong', async () => {
  const cli = (...args: string[]) => stack.cli(args, env);
  expect(await cli('clients', 'show', 'nobody', '--json')).toMatchObject({
    code: 3,
    err: expect.stringContaining('"no_such_client"'),
  });
  expect((await cli('clients', 'add', 'billing', '--audience', 'orders')).code).toBe(3);
  expect((await cli('clients', 'add', 'x')).code).toBe(2);
  expect((await cli('clients', 'change', 'billing')).code).toBe(2);
  expect(await cli('clients', 'disable', 'first-party')).toMatchObject({
    code: 3,
    err: expect.stringContaining('nobody could sign in'),
  });
  expect(await cli('clients', 'add', 'app', '--public', '--audience', 'orders')).toMatchObject({
    code: 3,
    err: expect.stringContaining('needs the audience identity'),
  });
  expect((await cli('clients', '--help')).out).toContain('countersign clients add billing');
});

it('every command of the page was run, and no log holds a secret', () => {
  expect(shellLines(page).filter((line) => !ran.has(line))).toEqual([]);
  expect(shellLines(page).length).toBeGreaterThan(10);
  const logs = stack.logs();
  for (const secret of stack.secrets()) expect(logs).not.toContain(secret);
});
