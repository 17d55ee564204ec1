import { jest } from '@jest/globals';
import { bearer, expectStatus, freePorts, post, Stack, until } from './stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let account: { email: string; password: string };
/** The public listeners of two processes of identity on one database. */
let one: string;
let other: string;
beforeAll(async () => {
  stack = await Stack.start(['identity']);
  const [open, service, operator] = (await freePorts(3)).map(String) as [string, string, string];
  const env = {
    PUBLIC_PORT: open,
    SERVICE_PORT: service,
    OPERATOR_PORT: operator,
    MANAGEMENT_PORT: '0',
  };
  await stack.startApp('identity', { name: 'identity-2', env });
  [one, other] = [stack.url('public'), `http://localhost:${open}`];
  account = await stack.addAccount('ann@example.test');
});
afterAll(() => stack.stop());

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}
const tokensOf = async (answer: Promise<Response>) =>
  (await (await expectStatus(200, answer)).json()) as Tokens;
const signIn = () => tokensOf(post(`${one}/auth/login`, account));
const refresh = (at: string, token: string) => post(`${at}/auth/refresh`, { refresh_token: token });
const codeOf = async (answer: Promise<Response>) =>
  ((await (await answer).json()) as { code?: string }).code;
const me = async (at: string, { access_token: token }: Tokens) =>
  (await fetch(`${at}/auth/me`, { headers: bearer(token) })).status;
async function expectRefused(tokens: Tokens) {
  for (const at of [one, other]) {
    await until(async () => (await me(at, tokens)) === 401, 30_000);
    // Either knows at once what the database says.
    expect((await refresh(at, tokens.refresh_token)).status).toBe(401);
  }
}

it('many at once at two processes: one moves the session on, all get the same successor, nobody is logged out', async () => {
  const { refresh_token: first } = await signIn();
  let token = first;
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => tokensOf(refresh(n % 2 === 0 ? one : other, token))),
    );
    const successors = new Set(answers.map(({ refresh_token: successor }) => successor));
    expect(successors.size).toBe(1);
    for (const answer of answers.slice(0, 4)) {
      expect([await me(one, answer), await me(other, answer)]).toEqual([200, 200]);
    }
    [token = ''] = successors;
    expect(token.split('.').slice(0, 2)).toEqual([first.split('.')[0], String(round + 1)]);
  }
});

it('in one second: the last spent token gives the same again, the one before it is a replay and ends the session', async () => {
  const zero = await signIn();
  const first = await tokensOf(refresh(one, zero.refresh_token));
  const repeated = await tokensOf(refresh(other, zero.refresh_token));
  expect(repeated.refresh_token).toBe(first.refresh_token);
  const second = await tokensOf(refresh(other, first.refresh_token));
  expect(await codeOf(refresh(one, zero.refresh_token))).toBe('refresh_token_replayed');
  expect(await codeOf(refresh(other, second.refresh_token))).toBe('session_ended');
  for (const tokens of [first, repeated, second]) await expectRefused(tokens);
});

it('against a log-out at the other process: after its answer nothing is refreshed, and what was is dead', async () => {
  for (let round = 0; round < 8; round += 1) {
    const tokens = await signIn();
    const headers = bearer(tokens.access_token);
    const [refreshed, ended] = await Promise.all([
      refresh(one, tokens.refresh_token),
      post(`${other}/auth/logout`, {}, headers),
    ]);
    expect([200, 202]).toContain(ended.status);
    expect([200, 401]).toContain(refreshed.status);
    await expectRefused(tokens);
    if (refreshed.status === 200) await expectRefused((await refreshed.json()) as Tokens);
  }
});
