import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let env: Record<string, string>;
let email: string;
let token: string;
beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders']);
  env = {
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions']),
  };
  const ann = await stack.addAccount('ann@example.test');
  ({ email } = ann);
  token = await stack.signIn(ann);
});
afterAll(() => stack.stop());

const explain = (args: string[], input?: string) =>
  stack.cli(['token', 'explain', ...args], env, input);

it('explains a token from standard input, with dates in words and each service', async () => {
  const { code, out, err } = await explain([], `Authorization: Bearer ${token}\n`);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^a JWT\nsignature {2}good: /);
  expect(out).toMatch(/^claim exp = \d{4}-\d\d-\d\dT[\d:]+Z \(in \d+ (s|min)\)$/m);
  expect(out).toMatch(/^claim iat = \S+ \(\d+ s ago\)$/m);
  expect(out).toMatch(/^key \S+ is active$/m);
  expect(out).toMatch(/^session \S+ is live: until /m);
  expect(out).toMatch(/^account \S+ is enabled$/m);
  expect(out).toMatch(/^orders +orders +yes +-$/m);
  expect(out).toMatch(/^gateway +- +- +decides as the service behind it$/m);
});

it('from a file, from "-" and as JSON; on the command line it says what is wrong with that', async () => {
  const file = join(stack.folder, 'token.txt');
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  for (const answer of [await explain(['--file', file]), await explain(['-'], token)]) {
    expect(answer).toMatchObject({ code: 0, err: '', out: expect.stringContaining('a JWT') });
  }
  const json = await explain(['--json'], token);
  expect(JSON.parse(json.out)).toMatchObject({ signature: 'good', account: { state: 'enabled' } });
  const typed = await explain([token]);
  expect(typed).toMatchObject({ code: 0, err: expect.stringContaining('history') });
  expect(await explain(['--file', '/nowhere'])).toMatchObject({ code: 2 });
  expect(await explain(['--file', file, token])).toMatchObject({ code: 2 });
  expect(await explain([], ' \n')).toMatchObject({ code: 2 });
  expect(await explain([], 'nonsense')).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /^nothing that identity gives out[^]*^orders +orders +NO +malformed/m,
    ),
  });
});

it('after its session has ended it says which revocation covers the token, and that all refuse it', async () => {
  await stack.cli(['sessions', 'end', '--email', email], env);
  await until(async () => {
    const { out } = await explain([], token);
    expect(out).toMatch(/^session \S+ has ended since \S+: operator$/m);
    expect(out).toMatch(/^revocation 1\.\d+ of \S+ \(\d+ s ago\) covers it: sub "/m);
    expect(out).toMatch(/^orders +orders +NO +revoked: revoked by sub, sid$/m);
    return !out.includes('MAY STILL ACCEPT');
  }, 30_000);
});

it('no token was written to any log', () => {
  const logs = stack.logs();
  expect(logs).toContain('/operator/tokens/explain');
  for (const secret of stack.secrets()) expect(logs).not.toContain(secret);
});
