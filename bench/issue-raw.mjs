// A process that does nothing but sign, or nothing but hash: what issuing and signing in cannot be below.
import { generateKeyPairSync, sign } from 'node:crypto';
import { hashSync, verifySync } from '@node-rs/argon2';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
/** As long as what is signed of an access token. */
const content = Buffer.alloc(600, 'a');

const [memoryCost, timeCost] = process.argv.slice(2).map(Number);
const password = 'a password for benchmarks';
const hash = hashSync(password, { memoryCost, timeCost, parallelism: 1 });

const work = {
  sign: () => sign('sha256', content, privateKey),
  hash: () => {
    if (!verifySync(hash, password)) throw new Error('a hash does not match its own password');
  },
};

/** How often in so much time: the count, and the processor time and the time that it took. */
function measure(what, ms) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < ms) {
    work[what]();
    count += 1;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { count, cpuMs: (user + system) / 1000, ms: performance.now() - start };
}

process.on('message', ({ what, ms }) => process.send(measure(what, ms)));
process.on('disconnect', () => process.exit(0));
measure('sign', 200);
process.send('ready');
