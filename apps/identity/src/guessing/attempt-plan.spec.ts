import { DomainError } from '../platform/domain-error.js';
import type { DomainErrorCode } from '../platform/domain-error.js';
import { ProblemError } from '@countersign/service-host';
import type { IdentityConfig } from '../config/identity-config.js';
import { counts, countersFor } from './attempt-plan.js';
import type { AttemptKind, Outcome } from './attempt-plan.js';
import { outcomeOf } from './outcome-of.js';

const rate = { points: 1, seconds: 60 };
const config = {
  SIGN_IN_FREE_FAILURES: 5,
  SIGN_IN_FIRST_DELAY_SECONDS: 1,
  SIGN_IN_LONGEST_DELAY_SECONDS: 900,
  SIGN_IN_FAILURES_PER_ADDRESS: rate,
  SIGN_IN_FAILURES_PER_NETWORK: rate,
  SIGN_IN_FAILURES_IN_ALL: rate,
  PASSWORD_CHECKS_PER_ACCOUNT: rate,
  RIGHT_PASSWORDS: rate,
  MESSAGES_PER_EMAIL: rate,
  MESSAGES_PER_ADDRESS: rate,
  MESSAGES_PER_NETWORK: rate,
  MESSAGES_IN_ALL: rate,
  EMAIL_TOKEN_FAILURES_PER_ADDRESS: rate,
  REFRESHES_PER_ADDRESS: rate,
  REFRESHES_PER_NETWORK: rate,
  REQUESTS_PER_ADDRESS: rate,
  REQUESTS_PER_NETWORK: rate,
  CLIENT_FAILURES_PER_CLIENT: rate,
  CLIENT_FAILURES_PER_ADDRESS: rate,
} as unknown as IdentityConfig;
const stranger = {
  address: 'a',
  network: 'n',
  email: 'e',
  account: 's',
  session: 't',
  client: 'c',
};
const nobody = { address: 'a', network: 'n' };
const known = { ...stranger, device: 'd' };

it.each([
  ['sign_in', stranger, ['network', 'all', 'address', 'email']],
  ['sign_in', known, ['device']],
  ['sign_in', nobody, ['network', 'all', 'address']],
  ['password_check', known, ['session', 'account']],
  ['right_password', { ...stranger, account: undefined }, ['email']],
  ['right_password', { ...known, account: undefined }, ['device']],
  ['right_password', known, ['account']],
  ['right_password', nobody, []],
  ['message', stranger, ['network', 'all', 'address', 'email']],
  ['message', known, ['network', 'all', 'device']],
  ['email_token', known, ['address']],
  ['refresh', known, ['network', 'address']],
  ['request', known, ['network', 'address']],
  ['client_credentials', known, ['address', 'client']],
  ['client_credentials', nobody, ['address']],
] as const)('%s by %j is counted by %j', (kind, who, by) => {
  const counters = countersFor(kind, who, config);
  expect(counters.map((counter) => counter.by)).toEqual(by);
  // Counters of two kinds never meet.
  for (const { name } of counters) expect(name).toMatch(new RegExp(`^${kind}:`));
  expect(
    counters.every(({ local }) => (local ?? false) === ['refresh', 'request'].includes(kind)),
  ).toBe(true);
});

it('what stays counted', () => {
  const kinds: AttemptKind[] = [
    'sign_in',
    'password_check',
    'right_password',
    'message',
    'email_token',
    'refresh',
    'request',
    'client_credentials',
  ];
  const counted = (outcome: Outcome) => kinds.filter((kind) => counts(kind, outcome));
  expect(counted('accepted')).toEqual(['right_password', 'message', 'refresh', 'request']);
  expect(counted('rejected')).toEqual([
    'sign_in',
    'password_check',
    'email_token',
    'refresh',
    'request',
    'client_credentials',
  ]);
  expect(counted('proved')).toEqual(['right_password', 'refresh', 'request']);
  expect(counted('untried')).toEqual(['refresh', 'request']);
  expect(counted('malformed')).toEqual(['request']);
});

it.each([
  ['credentials_rejected', 'rejected'],
  ['current_password_rejected', 'rejected'],
  ['email_token_rejected', 'rejected'],
  ['revocation_in_progress', 'proved'],
  ['session_ended', 'proved'],
  ['overloaded', 'untried'],
  ['database_unavailable', 'untried'],
  ['unknown_client', 'untried'],
] as [DomainErrorCode, Outcome][])('a refusal as %s is %s', (code, outcome) => {
  expect(outcomeOf(new DomainError(code))).toBe(outcome);
});

it('a wrong guess counts also when there was something else to be said', () => {
  expect(
    outcomeOf(new DomainError('database_unavailable', undefined, { isWrongGuess: true })),
  ).toBe('rejected');
});

it('what nobody expected may have come after the check, so it counts', () => {
  expect(outcomeOf(new Error('x'))).toBe('rejected');
  expect(outcomeOf(undefined)).toBe('rejected');
  expect(outcomeOf(new ProblemError('invalid_input'))).toBe('malformed');
});
