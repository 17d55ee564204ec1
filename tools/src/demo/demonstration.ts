import type { DemoAccounts } from '../embedded-run/demo-accounts.js';
import type { PlainJwtService } from './plain-jwt-service.js';
import { DemoFailure } from './running-system.js';
import type { Answer, RunningSystem } from './running-system.js';
import type { StepRow } from './table.js';

/** How long a logout may take to reach orders before the demonstration fails, milliseconds. */
const LOGOUT_LIMIT_MS = 1_000;
const LATER = 'comes with sessions';

/**
 * Goes through a token's life and tells what happens to it at a service that never hears of a logout, and at ours.
 *
 * @throws {DemoFailure} when anything happens otherwise than it should
 */
export async function demonstrate(
  system: Pick<RunningSystem, 'logIn' | 'request' | 'untilRefused'>,
  plain: Pick<PlainJwtService, 'read'>,
  account: DemoAccounts['customer'],
  onStep: (row: StepRow) => void,
): Promise<void> {
  const tell = (step: string, plainJwt: string, countersign: string) => {
    onStep({ step, session: LATER, plainJwt, countersign });
  };
  const token = await system.logIn(account);
  tell('1  Log in', 'a token', 'the same token');

  await plainMustSay(plain, token, 'let in');
  tell('2  Read orders', 'let in', say(await expectAnswer(system, token, 200)));

  await plainMustSay(plain, undefined, 'turned away');
  tell('3  No credentials', 'turned away', say(await expectAnswer(system, undefined, 401)));

  const forged = tamperWith(token);
  await plainMustSay(plain, forged, 'turned away (bad_signature)');
  tell('4  Tampered token', 'turned away', say(await expectAnswer(system, forged, 401)));

  const logout = await system.request('POST', '/auth/logout', token);
  if (logout.status !== 200 && logout.status !== 202)
    throw new DemoFailure(`the logout was answered ${String(logout.status)}`);
  tell('5  Log out', 'nobody tells it', `told to every service (${String(logout.status)})`);

  const { answer, ms } = await system.untilRefused(token, LOGOUT_LIMIT_MS);
  await plainMustSay(plain, token, 'let in');
  tell(
    '6  Old token again',
    `STILL LET IN, for ${minutesLeft(token)}`,
    `${say(answer)} ${ms.toFixed(0)} ms after the logout`,
  );
}

async function plainMustSay(
  plain: Pick<PlainJwtService, 'read'>,
  token: string | undefined,
  expected: string,
): Promise<void> {
  const said = await plain.read(token);
  if (said !== expected)
    throw new DemoFailure(`the plain JWT service said "${said}" instead of "${expected}"`);
}

async function expectAnswer(
  system: Pick<RunningSystem, 'request'>,
  token: string | undefined,
  status: number,
): Promise<Answer> {
  const answer = await system.request('GET', '/orders', token);
  if (answer.status !== status)
    throw new DemoFailure(
      `GET /orders was answered ${String(answer.status)} instead of ${String(status)}`,
    );
  return answer;
}

function say({ status, code }: Answer): string {
  return status === 200 ? 'let in (200)' : `turned away (${String(status)} ${code ?? ''})`;
}

/** Makes somebody else of the bearer, and keeps the signature. */
function tamperWith(token: string): string {
  const [header, payload, signature] = token.split('.');
  const claims = { ...claimsOf(payload), sub: 'somebody-else' };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

function minutesLeft(token: string): string {
  const seconds = Number(claimsOf(token.split('.')[1])['exp']) - Date.now() / 1000;
  return seconds > 90
    ? `${(seconds / 60).toFixed(0)} more minutes`
    : `${seconds.toFixed(0)} more seconds`;
}

function claimsOf(payload = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}
