import type { DemoAccounts } from '../embedded-run/demo-accounts.js';
import { LOGOUT_LIMIT_MS, READ_PATH } from './demonstration.js';
import { DemoFailure } from './running-system.js';
import type { Answer, RunningSystem } from './running-system.js';
import type { TourRow } from './table.js';

type System = Pick<RunningSystem, 'signIn' | 'request' | 'untilRefused'>;
type Account = DemoAccounts['customer'];

/**
 * Shows what people do with their sessions, and what happens to a refresh token that two hold. Ends every session of the account.
 *
 * @throws {DemoFailure} when anything happens otherwise than it should
 */
export async function tourOfSessions(
  system: System,
  account: Account,
  onStep: (row: TourRow) => void,
): Promise<void> {
  const laptop = await system.signIn(account, { delivery: 'session', device_name: 'laptop' });
  const tablet = await system.signIn(account, {
    delivery: 'session',
    remember: true,
    device_name: 'tablet',
  });
  if (laptop.keptFor !== undefined || tablet.keptFor === undefined)
    throw new DemoFailure('a cookie is kept for another time than was asked for');
  const days = (tablet.keptFor / 86_400).toFixed(0);
  onStep({
    step: '7  Remember',
    happened: `the tablet's cookie is kept for ${days} days; the laptop's dies with its browser`,
  });

  const phone = await system.signIn(account, { device_name: 'phone' });
  const devices = [laptop, tablet, phone];
  const { body } = await system.request('GET', '/auth/sessions', laptop.credential);
  const names = namesOf(body, new Set(devices.map(({ sid }) => sid)));
  onStep({ step: '8  My devices', happened: names });

  await expectStatus(system.request('DELETE', '/auth/sessions', laptop.credential), 200, 202);
  const started = performance.now();
  for (const { credential } of devices) {
    await system.untilRefused(credential, READ_PATH, LOGOUT_LIMIT_MS);
  }
  const ms = (performance.now() - started).toFixed(0);
  onStep({ step: '9  Log out everywhere', happened: `all three turned away within ${ms} ms` });

  onStep({ step: '10 Refresh replay', happened: await replay(system, account) });
}

/** A thief has copied a refresh token, and uses it after its owner has. */
async function replay(system: System, account: Account): Promise<string> {
  const { refreshToken: copied } = await system.signIn(account, { device_name: 'stolen from' });
  const refresh = (token: unknown) =>
    system.request('POST', '/auth/refresh', undefined, { refresh_token: token });
  const first = await expectStatus(refresh(copied), 200);
  const { body } = await expectStatus(refresh(first.body['refresh_token']), 200);
  const thief = await expectStatus(refresh(copied), 401);
  const newest = body['access_token'];
  if (typeof newest !== 'string') throw new DemoFailure('a refresh gave no access token');
  const { answer } = await system.untilRefused(newest, READ_PATH, LOGOUT_LIMIT_MS);
  return `the copy: 401 ${thief.code ?? ''}; the owner's newest token: ${String(answer.status)} ${answer.code ?? ''}`;
}

async function expectStatus(asking: Promise<Answer>, ...statuses: number[]): Promise<Answer> {
  const answer = await asking;
  if (!statuses.includes(answer.status))
    throw new DemoFailure(
      `something was answered ${String(answer.status)} ${answer.code ?? ''} instead of ${statuses.join(' or ')}`,
    );
  return answer;
}

/** The devices of these sessions, as their owner sees them. @throws {DemoFailure} when one is missing */
function namesOf(list: Answer['body'], sids: ReadonlySet<string>): string {
  const items = (list['items'] ?? []) as { sid: string; device_name: string; current: boolean }[];
  const ours = items.filter(({ sid }) => sids.has(sid));
  if (ours.length !== sids.size) throw new DemoFailure('the list of devices is not complete');
  return ours
    .map(({ device_name: name, current }) => (current ? `${name} (this one)` : name))
    .join(', ');
}
