// npm run soak [-- --minutes N] [-- --seed N] [-- --self-check]
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { soak } from './soak.js';
import { CAUGHT_BY_SELF_CHECK } from './verdict.js';

const MINUTES = 20;
const SELF_CHECKED_MINUTES = 1;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    'self-check': { type: 'boolean', default: false },
  },
});
const isBroken = values['self-check'];
const minutes = Number(values.minutes ?? (isBroken ? SELF_CHECKED_MINUTES : MINUTES));
const seed = Number(values.seed ?? randomInt(2 ** 32));
if (!(minutes > 0) || !Number.isInteger(seed)) throw new TypeError('--minutes N, --seed N');

const say = (line: string) => console.log(line);
say(`seed ${String(seed)}`);
const { failures, line } = await soak({ minutes, seed, say, isBroken });
if (isBroken) {
  for (const [name, said] of CAUGHT_BY_SELF_CHECK) {
    const found = failures.find((failure) => said.test(failure));
    say(`${found ? 'caught' : 'MISSED'}: ${name}${found ? `: ${found}` : ''}`);
    if (!found) process.exitCode = 1;
  }
} else {
  for (const failure of failures) say(`FAILED: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
say(line);
