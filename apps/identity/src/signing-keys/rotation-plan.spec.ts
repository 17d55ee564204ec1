import { planRotation, refusePurge } from './rotation-plan.js';
import type { Ring, RingKey, RotationPolicy } from './rotation-plan.js';
import type { KeyReports } from './who-is-behind.js';

const policy: RotationPolicy = {
  rotateAfter: 1_000,
  publishFor: 100,
  patience: 50,
  pastDeadline: 'go_on',
  tokensLiveFor: 420,
};
const hold: RotationPolicy = { ...policy, pastDeadline: 'hold' };
const WALL = 1_800_000_000;

const key = (kid: string, state: RingKey['state'], at: Partial<RingKey> = {}): RingKey => ({
  kid,
  state,
  preparedAt: 0,
  activatedAt: null,
  retiredAt: null,
  tokensUntil: null,
  ...at,
});
const signing = key('old', 'active', { activatedAt: 0 });
const ringOf = (...keys: RingKey[]): Ring => ({ keys, requested: null });
const report = (
  service: string,
  countedUntil: number,
  ...kids: string[]
): KeyReports['instances'][number] => ({
  service,
  instanceId: `${service}-1`,
  kids,
  countedUntil,
});
const reportsOf = (...instances: KeyReports['instances'][number][]): KeyReports => ({
  instances,
  complete: true,
});
const nobody = reportsOf();
const agreed = reportsOf(report('orders', 10_000, 'old', 'next'));
const disagreed = reportsOf(report('orders', 10_000, 'old'), report('payments', 10_000, 'next'));
const cutOff = reportsOf(report('orders', 1_020, 'old'), report('payments', 10_000, 'next'));
const at = (ran: number) => ({ ran, wall: WALL + ran });

const due = ringOf(signing, key('next', 'prepared', { preparedAt: 10 }));
const young = ringOf(signing, key('next', 'prepared', { preparedAt: 990 }));
const asked = (ring: Ring, ran: number, forced = false): Ring => ({
  ...ring,
  requested: { at: ran, forced },
});
const activation = ['add prepared', 'activate next for old'];

/** Retired one after the other, the first of them purged in a second from 500. */
const full = ringOf(
  ...due.keys,
  ...Array.from({ length: 28 }, (_, n) =>
    key(`r${String(n)}`, 'retired', { retiredAt: 81 + n, tokensUntil: WALL }),
  ),
);

/** The steps in words, or what is waited for. */
function said(...input: Parameters<typeof planRotation>): string[] {
  const { steps, waiting } = planRotation(...input);
  const words = steps.map((step) => {
    if (step.do === 'add') return `add ${step.as}`;
    if (step.do === 'purge') return `purge ${step.kid}`;
    return `activate ${step.kid}${step.retires === null ? '' : ` for ${step.retires}`}`;
  });
  if (!waiting) return words;
  const { until, behind, overdue } = waiting;
  const names = behind.map(({ service, silent }) => (silent ? `${service} (silent)` : service));
  return [
    ...words,
    [`wait for ${waiting.for}`, until ?? 'ever', ...names, ...(overdue ? ['ALARM'] : [])].join(' '),
  ];
}

describe('the plan', () => {
  it.each<[string, Ring, KeyReports, RotationPolicy, number, string[]]>([
    ['an empty ring', ringOf(), nobody, policy, 0, ['add active', 'add prepared']],
    ['a signer alone', ringOf(signing), nobody, policy, 5, ['add prepared']],
    ['nothing due', due, agreed, policy, 500, ['wait for calendar 1000']],
    ['due and agreed', due, agreed, policy, 1_000, activation],
    ['due, published too short', young, agreed, policy, 1_000, ['wait for publication 1090']],
    ['due, published long enough', young, agreed, policy, 1_090, activation],
    ['due, somebody behind', due, disagreed, policy, 1_000, ['wait for reports 1050 orders']],
    ['due, nobody live', due, nobody, policy, 1_000, ['wait for reports 1050']],
    [
      'due right after an outage, all known agree',
      due,
      { ...agreed, complete: false },
      hold,
      1_049,
      ['wait for reports 1050'],
    ],
    ['behind, past the deadline, go on', due, disagreed, policy, 1_050, activation],
    [
      'behind, past the deadline, hold',
      due,
      disagreed,
      hold,
      1_050,
      ['wait for reports ever orders ALARM'],
    ],
    [
      'nobody live, past the deadline, hold',
      due,
      nobody,
      hold,
      2_000,
      ['wait for reports ever ALARM'],
    ],
    ['somebody cut off since', due, cutOff, hold, 1_049, ['wait for reports 1050 orders (silent)']],
    ['somebody cut off since, past the deadline, hold', due, cutOff, hold, 1_050, activation],
    [
      'somebody who was silent before the key was there',
      young,
      reportsOf(report('orders', 900, 'old'), report('payments', 10_000, 'next')),
      hold,
      1_090,
      activation,
    ],
    ['asked for', asked(due, 300), agreed, policy, 300, activation],
    [
      'asked for, somebody behind',
      asked(due, 300),
      disagreed,
      policy,
      300,
      ['wait for reports 350 orders'],
    ],
    [
      'asked for, published too short',
      asked(young, 991),
      agreed,
      hold,
      991,
      ['wait for publication 1090'],
    ],
    ['forced', asked(young, 991, true), disagreed, hold, 991, activation],
    [
      'nobody signs',
      ringOf(key('next', 'prepared')),
      nobody,
      hold,
      0,
      ['add prepared', 'activate next'],
    ],
    [
      'two are prepared: the older one signs',
      ringOf(signing, key('new', 'prepared', { preparedAt: 20 }), ...due.keys.slice(1)),
      agreed,
      policy,
      1_000,
      ['activate next for old'],
    ],
    [
      'a retired key with and one without live tokens',
      ringOf(
        ...due.keys,
        key('r1', 'retired', { retiredAt: 80, tokensUntil: WALL + 500 }),
        key('r2', 'retired', { retiredAt: 81, tokensUntil: WALL + 500 }),
      ),
      agreed,
      policy,
      500,
      ['purge r1', 'wait for calendar 1000'],
    ],
    [
      'forced, as many keys as verifiers take',
      asked(full, 500, true),
      agreed,
      policy,
      500,
      ['wait for room 501'],
    ],
    [
      'forced, one fewer',
      asked(ringOf(...full.keys.slice(0, -1)), 500, true),
      agreed,
      policy,
      500,
      activation,
    ],
    [
      'nobody signs, as many keys as verifiers take',
      ringOf(...full.keys.filter(({ state }) => state !== 'active'), key('one more', 'retired')),
      agreed,
      policy,
      500,
      ['add prepared', 'activate next'],
    ],
    [
      'a revoked key',
      ringOf(...due.keys, key('bad', 'revoked')),
      agreed,
      policy,
      500,
      ['wait for calendar 1000'],
    ],
  ])('%s', (_name, ring, reports, given, ran, expected) => {
    expect(said(ring, reports, given, at(ran))).toEqual(expected);
  });

  it('names who had not reported the key that goes on without them', () => {
    const { steps } = planRotation(due, disagreed, policy, at(1_050));
    expect(steps).toContainEqual({
      do: 'activate',
      kid: 'next',
      retires: 'old',
      despite: [{ service: 'orders', instanceId: 'orders-1', silent: false }],
    });
  });

  it.each([
    ['the calendar', due, agreed, 400, 600],
    [
      'the end of the last tokens',
      ringOf(...due.keys, key('r', 'retired', { retiredAt: 400, tokensUntil: WALL })),
      agreed,
      500,
      320,
    ],
    ['reports, which may come at any time', due, disagreed, 1_010, 0],
  ])('the next change comes with %s', (_name, ring, reports, ran, seconds) => {
    expect(planRotation(ring, reports, policy, at(ran)).nextChangeIn).toBe(seconds);
  });
});

describe('a key is not purged', () => {
  const retired = key('r', 'retired', { retiredAt: 100, tokensUntil: WALL + 520 });
  it.each([
    ['while it signs', signing, at(9_999), 'it signs'],
    ['before it signed', key('p', 'prepared'), at(9_999), 'it is prepared to sign next'],
    ['twice', key('p', 'purged'), at(9_999), 'it is purged already'],
    [
      'while its tokens live',
      retired,
      at(500),
      /another 20 s; to withdraw it with them, revoke it/,
    ],
    [
      'because the wall clock jumped ahead',
      retired,
      { ran: 500, wall: WALL + 99_999 },
      /another 20 s/,
    ],
    [
      'because identity ran long while the wall clock fell back',
      retired,
      { ran: 9_999, wall: WALL + 1 },
      /another 519 s/,
    ],
  ])('%s', (_name, one, now, reason) => {
    expect(refusePurge(one, policy, now)).toEqual(
      typeof reason === 'string' ? reason : expect.stringMatching(reason),
    );
  });

  it('any longer when all its tokens are over', () => {
    expect(refusePurge(retired, policy, at(520))).toBeUndefined();
  });
});
