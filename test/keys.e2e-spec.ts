import { jest } from '@jest/globals';
import { bearer, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let token: string;
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders']);
  token = await stack.addOperator('alice', ['read', 'keys']);
});
afterAll(() => stack.stop());

const countersign = (...args: string[]): Promise<CliResult> =>
  stack.cli(args, {
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: token,
  });
async function keysIn(state: string): Promise<string[]> {
  const { out } = await countersign('keys', 'list', '--json');
  const { items } = JSON.parse(out) as { items: { kid: string; state: string }[] };
  return items.filter((key) => key.state === state).map(({ kid }) => kid);
}
const statusAtOrders = async (accessToken: string) =>
  (await fetch(stack.url('orders', '/orders'), { headers: bearer(accessToken) })).status;

const jwks = (headers: Record<string, string> = {}) =>
  fetch(stack.url('public', '/.well-known/jwks.json'), { headers });

it('the key set says how long it holds, and is sent again only when it has changed', async () => {
  const { headers } = await jwks();
  expect(headers.get('cache-control')).toBe('public, max-age=300, stale-if-error=43200');
  const known = { 'if-none-match': headers.get('etag')! };
  expect((await jwks(known)).status).toBe(304);
  expect((await countersign('keys', 'rotate', '--force', '--yes')).code).toBe(0);
  const changed = await jwks(known);
  expect(changed.status).toBe(200);
  expect(((await changed.json()) as { keys: unknown[] }).keys).toHaveLength(3);
});

it('plans, waits, and rotates by force: tokens of both keys are good', async () => {
  const ann = await stack.addAccount('ann@example.test');
  const before = await stack.signIn(ann);
  const [next = ''] = await keysIn('prepared');
  expect((await countersign('keys', 'plan')).out).toContain(`${next} signs from 20`);
  const dry = await countersign('keys', 'rotate', '--dry-run');
  expect(dry.out).toContain(`${next} must be published until`);
  expect(dry.out).toContain('nothing was changed');
  expect(await countersign('keys', 'rotate')).toMatchObject({ code: 2 });
  const forced = await countersign('keys', 'rotate', '--force', '--yes');
  expect(forced).toMatchObject({ code: 0, err: '' });
  expect(forced.out).toContain(`done: ${next} signs`);
  expect(await keysIn('active')).toEqual([next]);
  const after = await stack.signIn(ann);
  expect(await Promise.all([before, after].map(statusAtOrders))).toEqual([200, 200]);
  const [, retired = ''] = await keysIn('retired');
  const refused = await countersign('keys', 'purge', '--', retired);
  expect(refused).toMatchObject({ code: 3, out: '' });
  expect(refused.err).toMatch(/tokens that it signed may live for another \d+ s/);
});

it.each([
  ['the prepared key', []],
  ['a fresh key', ['--fresh']],
])(
  'revokes the signing key, and %s signs: its tokens are refused, new ones are good',
  async (_name, more) => {
    const bob = await stack.addAccount(`bob${String(more.length)}@example.test`);
    const stolen = await stack.signIn(bob);
    expect(await statusAtOrders(stolen)).toBe(200);
    const [kid = ''] = await keysIn('active');
    const [prepared = ''] = await keysIn('prepared');
    const revoked = await countersign(
      ...['keys', 'revoke', '--reason', 'a test', '--yes', ...more, '--', kid],
    );
    // A machine that is busy may take longer than the command waits; then it says so, and it happens all the same.
    const inTime = /applied by every live instance \(2\)/.test(revoked.out);
    expect(revoked.code).toBe(inTime ? 0 : 1);
    const [, position = ''] = /^revocation (\d+\.\d+):/m.exec(revoked.out) ?? [];
    await until(
      async () =>
        /^orders +[\w-]{36} +applied +\d+ ms$/m.test(
          (await countersign('revocations', 'show', position)).out,
        ),
      30_000,
    );
    expect(await statusAtOrders(stolen)).toBe(401);
    const [signs] = await keysIn('active');
    expect(signs === prepared).toBe(more.length === 0);
    expect(await statusAtOrders(await stack.signIn(bob))).toBe(200);
    await until(async () => (await keysIn('prepared')).length > 0, 30_000);
  },
);

it('a revoke that an instance has not confirmed names it, and exits with 1; the key is revoked all the same', async () => {
  const stolen = await stack.signIn(await stack.addAccount('eve@example.test'));
  const [kid = ''] = await keysIn('active');
  stack.running('orders').child.kill('SIGSTOP');
  const revoked = await countersign('keys', 'revoke', '--reason', 'a test', '--yes', '--', kid);
  stack.running('orders').child.kill('SIGCONT');
  expect(revoked.code).toBe(1);
  expect(revoked.out).toMatch(/^ {2}no receipt from orders \S+$/m);
  expect(revoked.out).toMatch(/^orders +\S+ +NONE +-$/m);
  expect(revoked.err).toContain('not every live instance has said yet that it knows');
  expect(await keysIn('revoked')).toContain(kid);
  await until(async () => (await statusAtOrders(stolen)) === 401, 20_000);
});
