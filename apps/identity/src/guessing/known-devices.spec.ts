import type { Accounts } from '../accounts/accounts.js';
import type { IdentityConfig } from '../config/identity-config.js';
import { RandomIds } from '../platform/ids.js';
import type { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { AttemptKeys } from './attempt-keys.js';
import { KnownDevices } from './known-devices.js';

const DAY = 86_400;
let now: Date;
/** Of each account; every password is in its first, unless a test says otherwise. */
const eras = new Map<string, string | undefined>();
const eraOf = (email: string) => (eras.has(email) ? eras.get(email) : `${email}:1`);
let asked: string[];
const accounts = {
  passwordEra(email: string) {
    asked.push(email);
    return Promise.resolve(eraOf(email));
  },
} as Accounts;
let drawn: number[];
class DrawnIds extends RandomIds {
  override below(limit: number): number {
    return drawn.shift() ?? super.below(limit);
  }
}
const devicesWith = (secret: string) =>
  new KnownDevices(
    { KNOWN_DEVICE_TTL_SECONDS: DAY } as IdentityConfig,
    { now: () => now },
    new DrawnIds(),
    new AttemptKeys({ keyFor: () => Buffer.from(secret) } as unknown as HeartbeatProof),
    accounts,
  );
const devices = devicesWith('a');
const remember = (held: string, email: string) => devices.remember(held, email, `${email}:1`);
const [ANN, BOB] = ['ann@example.test', 'bob@example.test'];

beforeEach(() => {
  [drawn, asked] = [[], []];
  eras.clear();
  now = new Date('2026-01-01T00:00:00Z');
});

it('a device is known for the account that was signed in to, and for no other', async () => {
  const held = remember('', ANN);
  expect(await devices.recognise(held, ANN)).toMatch(/^\d{1,2}$/);
  expect(await devices.recognise(held, BOB)).toBeUndefined();
  expect(await devices.recognise('', ANN)).toBeUndefined();
});

it('is the same device at the next sign-in, and another after one elsewhere', async () => {
  const held = remember('', ANN);
  now = new Date(now.getTime() + 1000);
  const later = remember(held, ANN);
  expect(later).not.toBe(held);
  expect(await devices.recognise(later, ANN)).toBe(await devices.recognise(held, ANN));
  expect(await devices.recognise(remember('', ANN), ANN)).not.toBe(devices.recognise(held, ANN));
});

it('is forgotten after a while, and not because somebody else signs in', async () => {
  const held = remember(remember('', ANN), BOB);
  expect(await devices.recognise(held, ANN)).toBeDefined();
  expect(await devices.recognise(held, BOB)).toBeDefined();
  now = new Date(now.getTime() + DAY * 1000);
  expect(await devices.recognise(held, ANN)).toBeDefined();
  now = new Date(now.getTime() + 1000);
  expect(await devices.recognise(held, ANN)).toBeUndefined();
});

it('holds few tokens, the newest of them, and fits into a cookie', async () => {
  let held = '';
  for (let n = 0; n < 8; n += 1) held = remember(held, `${String(n)}@example.test`);
  expect(held.split('~')).toHaveLength(5);
  expect(await devices.recognise(held, '7@example.test')).toBeDefined();
  expect(await devices.recognise(held, '2@example.test')).toBeUndefined();
  expect(held.length).toBeLessThan(1_000);
  expect(held).toMatch(/^[\w.~-]+$/);
});

it('nobody else can make one, and no part of one can be changed', async () => {
  const held = remember('', ANN);
  expect(await devicesWith('b').recognise(held, ANN)).toBeUndefined();
  for (let at = 0; at < held.length - 1; at += 1) {
    const changed = `${held.slice(0, at)}${held[at] === 'x' ? 'y' : 'x'}${held.slice(at + 1)}`;
    expect(await devices.recognise(changed, ANN)).toBeUndefined();
  }
  expect(await devices.recognise('~'.repeat(100_000), ANN)).toBeUndefined();
});

it('an account has few of them: who signs in on a thousand does not get to guess a thousand times as often', async () => {
  const ids = new Set<string | undefined>();
  for (let n = 0; n < 200; n += 1) ids.add(await devices.recognise(remember('', ANN), ANN));
  expect(ids.size).toBeLessThanOrEqual(16);
  expect(ids.size).toBeGreaterThan(4);
  expect(ids).not.toContain(undefined);
});

it('is not known any more when the password is set anew, or the account is another', async () => {
  drawn = [3, 4];
  const held = remember('', ANN);
  for (const era of [`${ANN}:2`, 'another:1', undefined]) {
    eras.set(ANN, era);
    expect(await devices.recognise(held, ANN)).toBeUndefined();
  }
  // Nor does it stay what it was at the next sign-in.
  eras.set(ANN, 'later');
  expect(await devices.recognise(devices.remember(held, ANN, 'later'), ANN)).toBe('4');
});

it('the database is asked only about what we have given out', async () => {
  const held = remember('', ANN);
  for (const junk of ['', 'x', `${held}x`, held.replace('d2', 'd1'), remember('', BOB)])
    expect(await devices.recognise(junk, ANN)).toBeUndefined();
  expect(asked).toEqual([]);
  await devices.recognise(held, ANN);
  expect(asked).toEqual([ANN]);
});
