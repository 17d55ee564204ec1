import { demonstrate } from './demonstration.js';
import { DemoFailure } from './running-system.js';
import type { Answer, Credential } from './running-system.js';
import type { StepRow } from './table.js';

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const exp = Math.floor(Date.now() / 1000) + 300;
const TOKEN = `${encode({ alg: 'RS256' })}.${encode({ sub: 'ann', exp })}.c2lnbmF0dXJl`;

const COOKIE = '__Host-countersign-session=abcdef';

const answer = (status: number, code?: string): Answer => ({
  status,
  body: {},
  setCookies: [],
  ...(code !== undefined && { code }),
});

/** A system and a plain service that do everything right, unless told otherwise; `steps` is what was told. */
async function run({
  orders = (token?: Credential) =>
    token === TOKEN ? answer(200) : answer(401, token ? 'bad_signature' : 'missing'),
  swap = (cookie: string) => (cookie === COOKIE ? answer(200) : answer(401, 'session_ended')),
  logout = answer(202),
  refused = (credential: Credential) =>
    Promise.resolve({
      answer: answer(401, typeof credential === 'string' ? 'revoked' : 'session_ended'),
      ms: 12.3,
    }),
  plain = (token?: string) =>
    token === TOKEN ? 'let in' : token ? 'turned away (bad_signature)' : 'turned away',
} = {}): Promise<{ steps: StepRow[]; failure: unknown }> {
  const steps: StepRow[] = [];
  const system = {
    signIn: (_account: unknown, { delivery }: { delivery?: string } = {}) =>
      Promise.resolve({ sid: 's', credential: delivery ? { cookie: COOKIE } : TOKEN }),
    request: (_method: string, path: string, credential?: Credential) => {
      if (path === '/auth/logout') return Promise.resolve(logout);
      if (path !== '/orders') return Promise.reject(new Error(`nobody asks for ${path}`));
      return Promise.resolve(
        typeof credential === 'object' ? swap(credential.cookie) : orders(credential),
      );
    },
    untilRefused: (credential: Credential) => refused(credential),
  };
  const service = { read: (token?: string) => Promise.resolve(plain(token)) };
  const account = { email: 'ann@example.test', password: 'x' };
  const failure: unknown = await demonstrate(system, service, account, (row) =>
    steps.push(row),
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { steps, failure };
}

it('tells six steps, the last with the time that the logout took', async () => {
  const { steps, failure } = await run();
  expect(failure).toBeUndefined();
  expect(steps.map(({ step }) => step.slice(0, 1))).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(steps[3]).toMatchObject({
    session: 'turned away (401 session_ended)',
    plainJwt: 'turned away',
    countersign: 'turned away (401 bad_signature)',
  });
  expect(steps.at(-1)).toMatchObject({
    session: 'turned away (401 session_ended)',
    plainJwt: 'STILL LET IN, for 5 more minutes',
    countersign: 'turned away (401 revoked) 12 ms after the logout',
  });
});

it.each([
  ['a good token is refused', 1, { orders: () => answer(503) }, /503 instead of 200/],
  ['nobody is let in', 2, { orders: () => answer(200) }, /200 instead of 401/],
  [
    'a tampered token is let in',
    3,
    { orders: (token?: Credential) => answer(token === undefined ? 401 : 200) },
    /200 instead of 401/,
  ],
  ['a good cookie is refused', 1, { swap: () => answer(401) }, /with a cookie was answered 401/],
  ['a guessed cookie is let in', 3, { swap: () => answer(200) }, /with a cookie was answered 200/],
  ['the logout fails', 4, { logout: answer(503) }, /logout was answered 503/],
  [
    'the token stays good after the logout',
    5,
    { refused: () => Promise.reject(new DemoFailure('the token was still let in')) },
    /still let in/,
  ],
  [
    'the plain service lets anybody in',
    2,
    { plain: () => 'let in' },
    /"let in" instead of "turned away"/,
  ],
])('stops when %s, after %i steps', async (_, told, wrong, message) => {
  const { steps, failure } = await run(wrong);
  expect(failure).toBeInstanceOf(DemoFailure);
  expect((failure as Error).message).toMatch(message);
  expect(steps).toHaveLength(told);
});
