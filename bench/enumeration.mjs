// Can somebody learn from the time of an answer whether an address has an account? Asks one at a time, in random order, for
// addresses of every kind, and compares with addresses that have none. Says; does not judge.
// node bench/enumeration.mjs [requests of each kind, default 300]
import { randomInt, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { startInstallation } from './installation.mjs';

const fromIdentity = createRequire(new URL('../apps/identity/package.json', import.meta.url));
const { hashSync } = fromIdentity('@node-rs/argon2');
const { Client } = fromIdentity('pg');

const REQUESTS = Number(process.argv[2] ?? 300);
const WARM_UP = 20;
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const KINDS = ['nobody', 'verified', 'disabled', 'unverified'];
const PATHS = {
  '/auth/login': (email) => ({ email, password: 'not the password' }),
  '/auth/register': (email) => ({ email }),
  '/auth/password-reset': (email) => ({ email }),
};

const installation = await startInstallation({
  identity: {
    TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
    PASSWORD_HASH_PROCESSES: '1',
    MESSAGES_PER_ADDRESS: '1000000/60',
    MESSAGES_PER_NETWORK: '1000000/60',
    MESSAGES_IN_ALL: '1000000/60',
  },
});
try {
  await addAccounts(installation.databaseUrl);
  for (const [path, bodyOf] of Object.entries(PATHS)) {
    const times = await measure(installation.ports.identity, path, bodyOf);
    report(path, times);
  }
} finally {
  await installation.stop();
}

/** Each account is asked for once on each path: nobody is limited for guessing at one. */
async function addAccounts(databaseUrl) {
  const database = new Client({ connectionString: databaseUrl });
  await database.connect();
  const hash = hashSync('the password of the benchmark', PARAMETERS);
  for (const kind of KINDS.slice(1)) {
    await database.query(
      `INSERT INTO accounts (id, email, roles, password_hash, email_verified_at, disabled_at)
       SELECT gen_random_uuid(), $1 || n || '@example.test', '{customer}', $2, $3, $4
       FROM generate_series(0, $5 - 1) AS n`,
      [
        kind,
        kind === 'unverified' ? null : hash,
        kind === 'unverified' ? null : new Date(),
        kind === 'disabled' ? new Date() : null,
        REQUESTS + WARM_UP,
      ],
    );
  }
  await database.end();
}

/** @returns milliseconds of each answer, by kind */
async function measure(port, path, bodyOf) {
  const times = Object.fromEntries(KINDS.map((kind) => [kind, []]));
  for (let n = 0; n < REQUESTS + WARM_UP; n += 1) {
    for (const kind of shuffled(KINDS)) {
      const name = kind === 'nobody' ? randomUUID() : `${kind}${n}`;
      const start = performance.now();
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-forwarded-for': `10.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`,
        },
        body: JSON.stringify(bodyOf(`${name}@example.test`)),
      });
      await answer.text();
      const ms = performance.now() - start;
      if (![202, 401].includes(answer.status)) throw new Error(`${path} answered ${answer.status}`);
      if (n >= WARM_UP) times[kind].push(ms);
    }
  }
  return times;
}

function report(path, times) {
  console.log(`\n${path}, ${REQUESTS} requests of each kind, one at a time`);
  console.log('kind          median ms    p90 ms   slower than nobody in');
  for (const kind of KINDS) {
    const sorted = times[kind].toSorted((a, b) => a - b);
    const at = (share) => sorted[Math.floor(share * sorted.length)].toFixed(2).padStart(9);
    const how =
      kind === 'nobody'
        ? ''
        : `${(slowerShare(times[kind], times.nobody) * 100).toFixed(1)} % of pairs`;
    console.log(`${kind.padEnd(12)} ${at(0.5)} ${at(0.9)}   ${how}`);
  }
  const noise = 1.96 * Math.sqrt((2 * REQUESTS + 1) / (12 * REQUESTS ** 2)) * 100;
  console.log(
    `50 % says nothing; chance alone stays within 50 ± ${noise.toFixed(1)} % in 19 of 20 runs`,
  );
}

/** In how many of all pairs the first is the slower one (Mann and Whitney's U, as a share). */
function slowerShare(these, those) {
  let slower = 0;
  for (const a of these) for (const b of those) slower += a > b ? 1 : a === b ? 0.5 : 0;
  return slower / (these.length * those.length);
}

function shuffled(list) {
  const copy = [...list];
  for (let n = copy.length - 1; n > 0; n -= 1) {
    const other = randomInt(n + 1);
    [copy[n], copy[other]] = [copy[other], copy[n]];
  }
  return copy;
}
