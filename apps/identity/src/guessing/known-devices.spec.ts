import type { IdentityConfig } from '../config/identity-config.js';
import { RandomIds } from '../platform/ids.js';
import type { HeartbeatProof } from '../revocation/heartbeat-proof.js';
import { AttemptKeys } from './attempt-keys.js';
import { KnownDevices } from './known-devices.js';

const DAY = 86_400;
let now: Date;
const devicesWith = (secret: string) =>
  new KnownDevices(
    { KNOWN_DEVICE_TTL_SECONDS: DAY } as IdentityConfig,
    { now: () => now },
    new RandomIds(),
    new AttemptKeys({ keyFor: () => Buffer.from(secret) } as unknown as HeartbeatProof),
  );
const devices = devicesWith('a');
const [ANN, BOB] = ['ann@example.test', 'bob@example.test'];

beforeEach(() => {
  now = new Date('2026-01-01T00:00:00Z');
});

it('a device is known for the account that was signed in to, and for no other', () => {
  const held = devices.remember('', ANN);
  expect(devices.recognise(held, ANN)).toMatch(/^[\w-]{43}$/);
  expect(devices.recognise(held, BOB)).toBeUndefined();
  expect(devices.recognise('', ANN)).toBeUndefined();
});

it('is the same device at the next sign-in, and another after one elsewhere', () => {
  const held = devices.remember('', ANN);
  now = new Date(now.getTime() + 1000);
  const later = devices.remember(held, ANN);
  expect(later).not.toBe(held);
  expect(devices.recognise(later, ANN)).toBe(devices.recognise(held, ANN));
  expect(devices.recognise(devices.remember('', ANN), ANN)).not.toBe(devices.recognise(held, ANN));
});

it('is forgotten after a while, and not because somebody else signs in', () => {
  const held = devices.remember(devices.remember('', ANN), BOB);
  expect(devices.recognise(held, ANN)).toBeDefined();
  expect(devices.recognise(held, BOB)).toBeDefined();
  now = new Date(now.getTime() + DAY * 1000);
  expect(devices.recognise(held, ANN)).toBeDefined();
  now = new Date(now.getTime() + 1000);
  expect(devices.recognise(held, ANN)).toBeUndefined();
});

it('holds few tokens, the newest of them, and fits into a cookie', () => {
  let held = '';
  for (let n = 0; n < 8; n += 1) held = devices.remember(held, `${String(n)}@example.test`);
  expect(held.split('~')).toHaveLength(5);
  expect(devices.recognise(held, '7@example.test')).toBeDefined();
  expect(devices.recognise(held, '2@example.test')).toBeUndefined();
  expect(held.length).toBeLessThan(1_000);
  expect(held).toMatch(/^[\w.~-]+$/);
});

it('nobody else can make one, and no part of one can be changed', () => {
  const held = devices.remember('', ANN);
  expect(devicesWith('b').recognise(held, ANN)).toBeUndefined();
  for (let at = 0; at < held.length - 1; at += 1) {
    const changed = `${held.slice(0, at)}${held[at] === 'x' ? 'y' : 'x'}${held.slice(at + 1)}`;
    expect(devices.recognise(changed, ANN)).toBeUndefined();
  }
  expect(devices.recognise('~'.repeat(100_000), ANN)).toBeUndefined();
});
