import type { Readiness } from './management-listener.js';
import { latchedReadiness } from './readiness.js';

const lost: Readiness = { ready: false, missing: ['keys: not yet'] };
const found: Readiness = { ready: true, missing: [] };

it('says what is missing until the first start is complete', () => {
  let state = lost;
  const { readiness } = latchedReadiness(() => state);
  expect(readiness()).toEqual(lost);
  state = { ready: false, missing: ['revocations: not yet'] };
  expect(readiness()).toEqual(state);
  state = found;
  expect(readiness()).toEqual(found);
});

it('stays ready when something is lost later', () => {
  let state = found;
  const { readiness } = latchedReadiness(() => state);
  readiness();
  state = lost;
  expect(readiness()).toEqual(found);
});

it('is not ready while draining, whatever was before', () => {
  for (const state of [found, lost]) {
    const health = latchedReadiness(() => state);
    health.readiness();
    health.drain();
    expect(health.readiness()).toEqual({ ready: false, missing: ['stopping'] });
    expect(health.readiness().ready).toBe(false);
  }
});
