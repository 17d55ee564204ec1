import { breaches, brokenPromises } from './checker.js';
import type { Logout, Probe } from './checker.js';

const HARD = 5_000;
const probe = (began: number, answer: Probe['answer']): Probe => ({
  token: 1,
  service: 'orders',
  began,
  ended: began + 5,
  answer,
});
const logout = (status: Logout['status'], asked = 100): Logout => ({
  token: 1,
  asked,
  answered: asked + 20,
  status,
});
const check = (probes: Probe[], logouts: Logout[], settledAt = 1_000_000) =>
  brokenPromises({ probes, logouts, settledAt }, HARD);

it.each([
  ['an accept after a receipt', [probe(121, 'accepted')], [logout('applied')], /receipt/],
  ['an accept past the hard limit', [probe(5_200, 'accepted')], [logout('pending')], /hard limit/],
  ['a refusal of a good token', [probe(50, 'refused')], [], /nobody had revoked/],
  [
    'a refusal before the logout',
    [probe(50, 'refused')],
    [logout('applied')],
    /nobody had revoked/,
  ],
  ['a 500', [probe(50, 'broken')], [logout('failed')], /neither yes, no, nor 503/],
])('%s is found', (_name, probes, logouts, fault) => {
  expect(check(probes, logouts)).toEqual([expect.stringMatching(fault)]);
});

it.each([
  ['a revocation that was lost', 'accepted', [logout('pending')], /was revoked/],
  ['a service that knows nothing at the end', 'unavailable', [logout('pending')], /was revoked/],
  ['a service that stays broken', 'unreachable', [], /is good/],
] as const)('%s is found', (_name, answer, logouts, fault) => {
  expect(check([probe(3_000, answer)], [...logouts], 2_000).join()).toMatch(fault);
});

it.each([
  ['wrong_accept', [probe(121, 'accepted')], [logout('applied')]],
  ['wrong_refusal', [probe(50, 'refused')], []],
  ['lost', [probe(3_000, 'unavailable')], [logout('pending')]],
  ['not_healed', [probe(3_000, 'unreachable')], []],
  ['broken', [probe(50, 'broken')], []],
] as const)('%s is the kind of a breach', (kind, probes, logouts) => {
  const history = { probes, logouts, settledAt: 2_000 };
  expect(breaches(history, HARD)).toMatchObject([{ kind }]);
});

it('what may happen is no fault', () => {
  const kept = [
    check([probe(119, 'accepted')], [logout('applied')]),
    check([probe(5_000, 'accepted')], [logout('pending')]),
    check([probe(99_000, 'accepted')], [logout('failed')]),
    check([probe(50, 'unavailable'), probe(51, 'unreachable')], []),
    check(
      [probe(90, 'refused')].map((p) => ({ ...p, ended: 101 })),
      [logout('applied')],
    ),
    check([probe(3_000, 'refused')], [logout('pending')], 2_000),
  ];
  expect(kept.flat()).toEqual([]);
});
