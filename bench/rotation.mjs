// npm run bench:rotation [-- --self-check]: orders and payments under constant load while keys rotate, then while keys are revoked.
// Takes about eight minutes: a verifier asks for the key set every half a minute, and a key signs when all have it.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { countingRoad } from './counting-road.mjs';
import { ask, bearer, closeConnections } from './http-client.mjs';
import { startInstallation } from './installation.mjs';

const SERVICES = ['orders', 'payments'];
const ROTATIONS = 10;
const REVOCATIONS = 50;
const LIMITS = { failed: 0, fetches_per_change: 1, emergency_max_ms: 100 };
/** A rotation waits for the verifiers' own refresh. */
const ROTATED_WITHIN_MS = 120_000;
const REFUSED_WITHIN_MS = 5_000;
const LOOPS = 4;
const PAUSE_MS = 5;
const IDENTITY = { JWKS_CACHE_SECONDS: '1', KEY_PUBLICATION_SECONDS: '1' };
const selfCheck = process.argv.includes('--self-check');
const say = (text) => process.stderr.write(`  ${text}\n`);
const kidOf = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).kid;

/** What this benchmark does with an installation. */
async function operationsOn(installation) {
  const { ports, account } = installation;
  const operatorToken = await installation.addOperator('bench', ['read', 'keys']);
  const json = { 'content-type': 'application/json' };
  const operate = async (method, path, body) => {
    const headers = { ...bearer(operatorToken), ...(body ? json : {}) };
    const answer = await ask(ports.operator, `/operator/keys${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    if (answer.status >= 300) throw new Error(`${method} ${path} was answered ${answer.status}`);
    return JSON.parse(answer.body);
  };
  const keysIn = async (state) =>
    (await operate('GET', '')).items.filter((key) => key.state === state).map(({ kid }) => kid);
  return {
    operate,
    keysIn,
    async signIn() {
      const body = JSON.stringify(account);
      const options = { method: 'POST', headers: json, body };
      const answer = await ask(ports.identity, '/auth/login', options);
      if (answer.status !== 200) throw new Error(`a sign-in was answered ${answer.status}`);
      return JSON.parse(answer.body).access_token;
    },
    use: async (service, token) =>
      (await ask(ports[service], `/${service}`, { headers: bearer(token) })).status,
    async changedSets(service) {
      const { body } = await ask(installation.management[service], '/metrics');
      const found = /^countersign_key_fetches_total\{outcome="changed"\} (\d+)/m.exec(body);
      return Number(found?.[1] ?? 0);
    },
    async version() {
      const database = new pg.Client(installation.databaseUrl);
      await database.connect();
      const { rows } = await database.query('SELECT version FROM key_ring');
      await database.end();
      return Number(rows[0].version);
    },
  };
}

/** Uses tokens of a pool without end, at both services; whatever is not 200 is a failure, since all of them are good. */
function startLoad({ use }) {
  const load = { pool: [], requests: 0, failed: 0, going: true };
  const loop = async () => {
    while (load.going) {
      const token = load.pool[Math.floor(Math.random() * load.pool.length)];
      for (const service of token ? SERVICES : []) {
        const status = await use(service, token).catch(() => 'nothing');
        load.requests += 1;
        if (status === 200) continue;
        load.failed += 1;
        if (load.failed <= 5) say(`${service} answered ${status} to a good token`);
      }
      await delay(PAUSE_MS);
    }
  };
  const loops = Array.from({ length: LOOPS }, loop);
  load.end = async () => {
    load.going = false;
    await Promise.all(loops);
  };
  return load;
}

/** Signs in four times a second, so that tokens of a key are used as soon as it signs. */
function startSigningIn({ signIn }, load) {
  let going = true;
  const loop = async () => {
    while (going) {
      load.pool.push(await signIn());
      if (load.pool.length > 60) load.pool.shift();
      await delay(250);
    }
  };
  const ended = loop();
  return async () => {
    going = false;
    await ended;
  };
}

async function rotate({ operate, keysIn }, { force = false } = {}) {
  const [before] = await keysIn('active');
  await operate('POST', '/rotate', { force, reason: 'a benchmark' });
  const start = performance.now();
  for (;;) {
    const [active] = await keysIn('active');
    if (active !== before) return (performance.now() - start) / 1000;
    if (performance.now() - start > ROTATED_WITHIN_MS) throw new Error('a rotation never ended');
    await delay(100);
  }
}

/** Milliseconds from the command being sent until both services have refused a token of the key. */
async function revoke({ operate, use }, token) {
  const sent = performance.now();
  const refusal = async (service) => {
    while ((await use(service, token)) === 200) {
      if (performance.now() - sent > REFUSED_WITHIN_MS) return Number.POSITIVE_INFINITY;
    }
    return performance.now() - sent;
  };
  const revoked = operate('POST', `/${kidOf(token)}/revoke`, { reason: 'a benchmark' });
  const times = await Promise.all(SERVICES.map(refusal));
  await revoked;
  return Math.max(...times);
}

/** Until the next key is there, and the verifiers have asked for it, as they do within a second. */
async function untilPrepared({ keysIn }) {
  while ((await keysIn('prepared')).length === 0) await delay(50);
  await delay(1_100);
}

/** @returns how many times as many key sets the busiest verifier fetched as there were changes */
async function fetchesPerChange(operations, road, work) {
  const read = async () => ({
    version: await operations.version(),
    sent: road.sent(),
    changed: await Promise.all(SERVICES.map((service) => operations.changedSets(service))),
  });
  const before = await read();
  await work();
  // What the last change causes.
  await delay(1_500);
  const after = await read();
  const changed = after.changed.map((count, n) => count - before.changed[n]);
  const all = changed.reduce((sum, count) => sum + count, 0);
  // Sets that were sent and brought nothing new: nobody knows to whom, so they count against each.
  const inVain = Math.max(0, after.sent - before.sent - all);
  const changes = after.version - before.version;
  return { ratio: (Math.max(...changed) + inVain) / Math.max(1, changes), changes, inVain };
}

async function emergencies(operations, load, count) {
  const times = [];
  let token = await operations.signIn();
  for (let n = 1; n <= count; n += 1) {
    await untilPrepared(operations);
    for (const service of SERVICES) {
      const status = await operations.use(service, token);
      if (status !== 200) {
        load.failed += 1;
        say(`${service} answered ${status} to a token of the key that signs`);
      }
    }
    times.push(await revoke(operations, token));
    token = await operations.signIn();
    if (n % 10 === 0) say(`${n} keys revoked`);
  }
  return times.sort((a, b) => a - b);
}

async function withInstallation(work) {
  const road = countingRoad();
  const installation = await startInstallation({ identity: IDENTITY, detour: road.lead });
  try {
    return await work(await operationsOn(installation), road);
  } finally {
    await installation.stop();
    await road.close();
  }
}

async function measure() {
  return withInstallation(async (operations, road) => {
    const load = startLoad(operations);
    const endSigningIn = startSigningIn(operations, load);
    await delay(2_000);
    const rotations = await fetchesPerChange(operations, road, async () => {
      for (let n = 1; n <= ROTATIONS; n += 1) {
        const seconds = await rotate(operations);
        say(
          `rotation ${n} of ${ROTATIONS} after ${seconds.toFixed(1)} s, ${load.requests} requests, ${load.failed} failed`,
        );
      }
    });
    await endSigningIn();
    // From here on only tokens of retired keys: those are good, whatever is revoked.
    const [active] = await operations.keysIn('active');
    load.pool = load.pool.filter((token) => kidOf(token) !== active);
    if (load.pool.length === 0)
      load.pool.push(await operations.signIn(), await operations.signIn());
    if (load.pool.some((token) => kidOf(token) === active)) await rotate(operations);
    await emergencies(operations, load, 3);
    let times = [];
    const revocations = await fetchesPerChange(operations, road, async () => {
      times = await emergencies(operations, load, REVOCATIONS);
    });
    await load.end();
    return { load, rotations, revocations, times };
  });
}

/** Breaks what is measured, and sees whether the benchmark says so. */
async function checkItself() {
  const caught = [];
  await withInstallation(async (operations, road) => {
    road.freezeKeySet();
    const load = startLoad(operations);
    await rotate(operations, { force: true });
    await delay(1_500);
    await rotate(operations, { force: true });
    load.pool.push(await operations.signIn());
    await delay(6_000);
    await load.end();
    caught.push(['verifiers that never see a new key', load.failed > LIMITS.failed]);
  });
  await withInstallation(async (operations, road) => {
    const { ratio } = await fetchesPerChange(operations, road, async () => {
      road.forgetValidators();
      await rotate(operations, { force: true });
      await delay(95_000);
    });
    caught.push([
      'key sets that are fetched though nothing has changed',
      ratio > LIMITS.fetches_per_change,
    ]);
  });
  await withInstallation(async (operations, road) => {
    const load = { failed: 0 };
    road.stopFeed();
    const times = await emergencies(operations, load, 1);
    caught.push(['revocations that do not arrive', times.at(-1) > LIMITS.emergency_max_ms]);
  });
  for (const [what, was] of caught) console.log(`${was ? 'caught' : 'MISSED'}: ${what}`);
  return caught.every(([, was]) => was);
}

if (selfCheck) {
  process.exitCode = (await checkItself()) ? 0 : 1;
} else {
  const { load, rotations, revocations, times } = await measure();
  const ratio = Math.max(rotations.ratio, revocations.ratio);
  const max = times.at(-1);
  console.table({
    'requests of the load': load.requests,
    'changes while rotating, fetches each': `${rotations.changes}, ${rotations.ratio.toFixed(2)}`,
    'changes while revoking, fetches each': `${revocations.changes}, ${revocations.ratio.toFixed(2)}`,
    'refused everywhere, median': `${times[Math.floor(times.length / 2)].toFixed(1)} ms`,
    'refused everywhere, later than the limit': times.filter(
      (ms) => !(ms <= LIMITS.emergency_max_ms),
    ).length,
    'refused everywhere, slowest': `${max.toFixed(1)} ms`,
  });
  const faults = [
    load.failed > LIMITS.failed && 'a good token was refused',
    ratio > LIMITS.fetches_per_change && 'a change caused more than one fetch in a verifier',
    !(max <= LIMITS.emergency_max_ms) && `emergency_max_ms is above ${LIMITS.emergency_max_ms}`,
  ].filter(Boolean);
  for (const fault of faults) console.log(`FAIL: ${fault}`);
  console.log(
    `failed=${load.failed} fetches_per_change=${ratio.toFixed(2)} emergency_max_ms=${max.toFixed(1)}`,
  );
  if (faults.length > 0) process.exitCode = 1;
}
closeConnections();
