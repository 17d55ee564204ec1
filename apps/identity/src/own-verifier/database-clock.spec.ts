import { DatabaseClock } from './database-clock.js';

it('follows the database, not the wall clock of the machine', () => {
  const machine = { wall: 1_000_000, monotonic: 50 };
  const clock = new DatabaseClock({
    wallMs: () => machine.wall,
    monotonicMs: () => machine.monotonic,
  });
  expect(clock.wallMs()).toBe(1_000_000);
  clock.note(970);
  expect(clock.wallMs()).toBe(970_000);
  machine.wall += 30_000;
  machine.monotonic += 250;
  expect(clock.wallMs()).toBe(970_250);
  expect(clock.monotonicMs()).toBe(300);
});
