import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import { PasswordHasher } from './password-hasher.js';

let hasher: PasswordHasher;
beforeAll(async () => {
  const replica = await startReplica({
    settings: { PASSWORD_HASH_PROCESSES: '1', PASSWORD_HASH_QUEUE: '8' },
  });
  hasher = replica.get(PasswordHasher);
  await hasher.start();
});
afterAll(async () => {
  hasher.close();
  await stopReplicas();
});

const hashingProcesses = () =>
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => (line.includes('argon2-process') ? [Number.parseInt(line, 10)] : []));

it('of many at once each gets its own answer', async () => {
  const [one, other] = [await hasher.hash('one'), await hasher.hash('other')];
  const asked = [
    [one, 'one', true],
    [one, 'other', false],
    [null, 'one', false],
    [other, 'one', false],
    [other, 'other', true],
    ['no hash', 'one', 'failed'],
    [one, 'one', true],
    [other, 'other', true],
  ] as const;
  const answers = asked.map(([hash, password]) =>
    hasher.verify(hash, password).catch(() => 'failed'),
  );
  expect(await Promise.all(answers)).toEqual(asked.map(([, , expected]) => expected));
});

it('when a process ends, those that it had fail, and those that wait are hashed by another', async () => {
  const hash = await hasher.hash('one');
  const asked = Array.from({ length: 8 }, () => hasher.verify(hash, 'one').catch(() => 'lost'));
  const [pid] = hashingProcesses();
  process.kill(pid!, 'SIGKILL');
  const answers = await Promise.all(asked);
  expect(answers.filter((answer) => answer === 'lost').length).toBeLessThan(8);
  expect(answers.at(-1)).toBe(true);
  expect(hashingProcesses()).not.toContain(pid);
  expect(await hasher.verify(hash, 'one')).toBe(true);
});

it('past what may wait nobody else is taken in, also while some are hashed in a row', async () => {
  const hash = await hasher.hash('one');
  const outcomes = Array.from({ length: 40 }, () =>
    hasher.verify(hash, 'one').catch((error: unknown) => (error as { code: string }).code),
  );
  const answers = await Promise.all(outcomes);
  const taken = answers.filter((answer) => answer === true).length;
  expect(taken).toBeGreaterThanOrEqual(8);
  expect(taken).toBeLessThanOrEqual(12);
  expect(answers.filter((answer) => answer === 'overloaded')).toHaveLength(40 - taken);
  await delay(0);
  expect(hasher.queued).toBe(0);
});
