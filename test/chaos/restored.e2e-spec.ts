import { jest } from '@jest/globals';
import { until } from '../stack.js';
import { backUp, untilProofIsHeld } from './restored-database.js';
import { SERVICES, Town } from './town.js';

jest.setTimeout(240_000);

/** Who ran in the lost time is not known: for 75 s after it nobody is told that all have applied something. */
const RECEIPTS_WITHIN_MS = 100_000;

let town: Town;
beforeAll(async () => {
  town = await Town.start();
});
afterAll(() => town.stop());
afterEach(() => town.rest());

it('Postgres is restored from before a revocation: verifiers prove what is lost, and everything ends', async () => {
  const tokens = await town.signIn(5);
  const restore = await backUp(town.stack);
  await until(async () => (await town.answerOf('orders', tokens[0]!)) === 'accepted', 30_000);
  const [lost] = tokens;
  await until(async () => (await town.logout(lost!)).status !== 'failed', 30_000);
  for (const service of SERVICES)
    await until(async () => (await town.answerOf(service, lost!)) === 'refused', 20_000);
  await untilProofIsHeld(town.stack, 'orders');
  town.startProbing();
  await restore();
  const everywhere = async (answer: string) => {
    for (const service of SERVICES)
      for (const token of tokens)
        if ((await town.answerOf(service, token)) !== answer) return false;
    return true;
  };
  await until(() => everywhere('refused'), 60_000);
  for (const { token, answer } of town.history(0).probes)
    if (token === lost) expect(answer).not.toBe('accepted');
  await town.rest();

  const again = await town.signIn(2);
  town.startProbing();
  await town.logout(again[0]!);
  expect(await town.judge(RECEIPTS_WITHIN_MS)).toEqual([]);
  expect(town.stack.logs()).toContain('all sessions have ended and all tokens are revoked');
});
