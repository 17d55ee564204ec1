import { DemoFailure } from './running-system.js';
import type { Answer, SignInWishes } from './running-system.js';
import type { TourRow } from './table.js';
import { tourOfSessions } from './tour-of-sessions.js';

const answer = (status: number, body: Record<string, unknown> = {}): Answer => {
  const { code } = body;
  return { status, body, setCookies: [], ...(typeof code === 'string' && { code }) };
};
const NAMES = ['laptop', 'tablet', 'phone'];
const ALL = NAMES.map((name) => ({ sid: name, device_name: name, current: name === 'laptop' }));

/** A system that does everything right, unless told otherwise. */
async function run({ items = ALL, end = 202, replayed = 401, keptFor = 2_592_000 } = {}) {
  const steps: TourRow[] = [];
  let refreshes = 0;
  const system = {
    signIn: (_account: unknown, { delivery, remember, device_name: name }: SignInWishes = {}) =>
      Promise.resolve({
        sid: name ?? '',
        credential: delivery ? { cookie: name ?? '' } : 'a token',
        refreshToken: 'first',
        ...(remember && keptFor > 0 && { keptFor }),
      }),
    request: (method: string, path: string) => {
      if (path === '/auth/refresh') refreshes += 1;
      const fresh = answer(200, { access_token: 'newest', refresh_token: 'next' });
      const refresh = refreshes > 2 ? answer(replayed, { code: 'refresh_token_replayed' }) : fresh;
      const sessions = method === 'DELETE' ? answer(end) : answer(200, { items });
      return Promise.resolve(path === '/auth/refresh' ? refresh : sessions);
    },
    untilRefused: () => Promise.resolve({ answer: answer(401, { code: 'revoked' }), ms: 1 }),
  };
  const account = { email: 'ann@example.test', password: 'x' };
  const failure: unknown = await tourOfSessions(system, account, (row) => steps.push(row)).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { steps, failure };
}

it('tells of remembering, of devices, of logging out everywhere and of a replay', async () => {
  const { steps, failure } = await run();
  expect(failure).toBeUndefined();
  expect(steps.map(({ happened }) => happened)).toEqual([
    expect.stringContaining('for 30 days'),
    'laptop (this one), tablet, phone',
    expect.stringMatching(/^all three turned away within \d+ ms$/),
    "the copy: 401 refresh_token_replayed; the owner's newest token: 401 revoked",
  ]);
});

it.each([
  ['a remembered cookie is not kept', 0, { keptFor: 0 }],
  ['a device is missing in the list', 1, { items: ALL.slice(1) }],
  ['the log-out fails', 2, { end: 503 }],
  ['the copy is let in', 3, { replayed: 200 }],
])('stops when %s, after %i steps', async (_, told, wrong) => {
  const { steps, failure } = await run(wrong);
  expect(failure).toBeInstanceOf(DemoFailure);
  expect(steps).toHaveLength(told);
});
