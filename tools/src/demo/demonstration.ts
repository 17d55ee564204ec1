import type { DemoAccounts } from '../embedded-run/demo-accounts.js';
import type { PlainJwtService } from './plain-jwt-service.js';
import { DemoFailure } from './running-system.js';
import type { Answer, Credential, RunningSystem } from './running-system.js';
import type { StepRow } from './table.js';

/** How long a logout may take to reach every service before the demonstration fails, milliseconds. */
export const LOGOUT_LIMIT_MS = 1_000;
/** What is asked for, whatever the credential: the gateway swaps the cookie for a token, and passes the token on. */
export const READ_PATH = '/orders';

/**
 * Goes through the life of a sign-in three times: as an opaque cookie, as a token at a service that never hears of a logout, and as
 * a token at ours. Tells what happens.
 *
 * @throws {DemoFailure} when anything happens otherwise than it should
 */
export async function demonstrate(
  system: Pick<RunningSystem, 'signIn' | 'request' | 'untilRefused'>,
  plain: Pick<PlainJwtService, 'read'>,
  account: DemoAccounts['customer'],
  onStep: (row: StepRow) => void,
): Promise<void> {
  const tell = (step: string, session: string, plainJwt: string, countersign: string) => {
    onStep({ step, session, plainJwt, countersign });
  };
  const read = async (cookie: Credential | undefined, token: string | undefined, status: number) =>
    [
      say(await expectAnswer(system, cookie, status)),
      say(await expectAnswer(system, token, status)),
    ] as const;

  const { credential: cookie } = await system.signIn(account, { delivery: 'session' });
  const { credential: token } = await system.signIn(account);
  if (typeof token !== 'string' || typeof cookie === 'string')
    throw new DemoFailure('a sign-in gave something else than it was asked for');
  tell('1  Log in', 'an opaque cookie', 'a token', 'the same token');

  await plainMustSay(plain, token, 'let in');
  const [readWithCookie, readWithToken] = await read(cookie, token, 200);
  tell('2  Read', readWithCookie, 'let in', readWithToken);

  await plainMustSay(plain, undefined, 'turned away');
  const [noCookie, noToken] = await read(undefined, undefined, 401);
  tell('3  No credentials', noCookie, 'turned away', noToken);

  const forged = tamperWith(token);
  await plainMustSay(plain, forged, 'turned away (bad_signature)');
  const [otherCookie, otherToken] = await read(guess(cookie), forged, 401);
  tell('4  Tampered with', otherCookie, 'turned away', otherToken);

  const sessionEnd = await logOut(system, cookie);
  const tokenEnd = await logOut(system, token);
  tell(
    '5  Log out',
    `ended in the store (${sessionEnd})`,
    'nobody tells it',
    `told to every service (${tokenEnd})`,
  );

  const [ofCookie, ofToken] = [
    await system.untilRefused(cookie, READ_PATH, LOGOUT_LIMIT_MS),
    await system.untilRefused(token, READ_PATH, LOGOUT_LIMIT_MS),
  ];
  await plainMustSay(plain, token, 'let in');
  tell(
    '6  The old one again',
    say(ofCookie.answer),
    `STILL LET IN, for ${minutesLeft(token)}`,
    `${say(ofToken.answer)} ${ofToken.ms.toFixed(0)} ms after the logout`,
  );
}

/** @returns the status of the answer */
async function logOut(
  system: Pick<RunningSystem, 'request'>,
  credential: Credential,
): Promise<string> {
  const { status } = await system.request('POST', '/auth/logout', credential);
  if (status !== 200 && status !== 202)
    throw new DemoFailure(`the logout was answered ${String(status)}`);
  return String(status);
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
  credential: Credential | undefined,
  status: number,
): Promise<Answer> {
  const answer = await system.request('GET', READ_PATH, credential);
  if (answer.status === status) return answer;
  const shown = typeof credential === 'object' ? 'a cookie' : credential ? 'a token' : 'nothing';
  throw new DemoFailure(
    `GET ${READ_PATH} with ${shown} was answered ${String(answer.status)} instead of ${String(status)}`,
  );
}

function say({ status, code }: Answer): string {
  return status === 200 ? 'let in (200)' : `turned away (${String(status)} ${code ?? ''})`;
}

/** Another cookie of the same form. */
function guess({ cookie }: Exclude<Credential, string>): Credential {
  const last = cookie.at(-2) === 'A' ? 'B' : 'A';
  return { cookie: `${cookie.slice(0, -2)}${last}${cookie.slice(-1)}` };
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
