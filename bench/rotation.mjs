// npm run bench:rotation [-- COUNT] [-- --self-check]: orders and payments under constant load while keys rotate, then while COUNT keys (50) are
// revoked, once over HTTP alone and once with Redis. Takes about ten minutes: a verifier asks for the key set every half a minute, and a key signs
// when all have it; the next key is prepared two seconds after one was revoked.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { countingRoad } from './counting-road.mjs';
import { ask, bearer, closeConnections } from './http-client.mjs';
import { startInstallation } from './installation.mjs';

const SERVICES = ['orders', 'payments'];
const REVOCATIONS = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 50);
const ROTATIONS = Math.ceil(REVOCATIONS / 5);
/** So many revocations come first, and are not counted. */
const WARM_UP = 3;
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

/** Until the next key is there: by then the verifiers have asked for the set of after the revocation, as they do within a second. */
async function untilPrepared({ keysIn }) {
  while ((await keysIn('prepared')).length === 0) await delay(50);
}

/**
 * Each key set is one change, a revocation as much as the next key that is prepared after it.
 *
 * @returns how often the verifier that got one and the same set most often has got it, at least: of so many sent to so few. Or, if that
 *   is more, how many times as many changed sets one verifier took as there were changes
 */
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
  const sent = [...after.sent].map(([set, count]) => count - (before.sent.get(set) ?? 0));
  const changes = after.version - before.version;
  const most = Math.ceil(Math.max(0, ...sent) / SERVICES.length);
  return { ratio: Math.max(most, Math.max(...changed) / Math.max(1, changes)), changes };
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

async function withInstallation(options, work) {
  const road = countingRoad();
  // The first port is that of identity, which tells of keys. Redis is left alone.
  let leads = false;
  const detour = (port) => {
    if (leads) return port;
    leads = true;
    return road.lead(port);
  };
  const installation = await startInstallation({ identity: IDENTITY, detour, ...options });
  try {
    return await work(await operationsOn(installation), road);
  } finally {
    await installation.stop();
    await road.close();
  }
}

/** Revokes the key that signs, again and again, while tokens of retired keys, which are good whatever is revoked, stay in use. */
async function revokeAll(operations, road, load) {
  const [active] = await operations.keysIn('active');
  load.pool = load.pool.filter((token) => kidOf(token) !== active);
  if (load.pool.length === 0) {
    load.pool.push(await operations.signIn(), await operations.signIn());
    await rotate(operations, { force: true });
  }
  await emergencies(operations, load, WARM_UP);
  let times = [];
  const revocations = await fetchesPerChange(operations, road, async () => {
    times = await emergencies(operations, load, REVOCATIONS);
  });
  await load.end();
  return { ...revocations, times };
}

async function measure() {
  const overHttp = await withInstallation({}, async (operations, road) => {
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
    return { load, rotations, revocations: await revokeAll(operations, road, load) };
  });
  const overRedis = await withInstallation({ redis: true }, async (operations, road) => {
    const load = startLoad(operations);
    return { load, revocations: await revokeAll(operations, road, load) };
  });
  return { overHttp, overRedis };
}

/** Breaks what is measured, and sees whether the benchmark says so. */
async function checkItself() {
  const caught = [];
  await withInstallation({}, async (operations, road) => {
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
  await withInstallation({}, async (operations, road) => {
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
  await withInstallation({}, async (operations, road) => {
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
  const { overHttp, overRedis } = await measure();
  const { rotations } = overHttp;
  const both = [overHttp, overRedis];
  const failed = both.reduce((sum, { load }) => sum + load.failed, 0);
  const ratio = Math.max(rotations.ratio, ...both.map(({ revocations }) => revocations.ratio));
  const max = Math.max(...both.map(({ revocations }) => revocations.times.at(-1)));
  const told = ({ times, changes, ratio: each }) => ({
    'changes while revoking, fetches each': `${changes}, ${each.toFixed(2)}`,
    'refused everywhere, median': `${times[Math.floor(times.length / 2)].toFixed(1)} ms`,
    'refused everywhere, later than the limit': times.filter(
      (ms) => !(ms <= LIMITS.emergency_max_ms),
    ).length,
    'refused everywhere, slowest': `${times.at(-1).toFixed(1)} ms`,
  });
  console.table({
    'over HTTP': {
      'requests of the load': overHttp.load.requests,
      'changes while rotating, fetches each': `${rotations.changes}, ${rotations.ratio.toFixed(2)}`,
      ...told(overHttp.revocations),
    },
    'with Redis': {
      'requests of the load': overRedis.load.requests,
      ...told(overRedis.revocations),
    },
  });
  const faults = [
    failed > LIMITS.failed && 'a good token was refused',
    ratio > LIMITS.fetches_per_change && 'a change caused more than one fetch in a verifier',
    !(max <= LIMITS.emergency_max_ms) && `emergency_max_ms is above ${LIMITS.emergency_max_ms}`,
  ].filter(Boolean);
  for (const fault of faults) console.log(`FAIL: ${fault}`);
  console.log(
    `failed=${failed} fetches_per_change=${ratio.toFixed(2)} emergency_max_ms=${max.toFixed(1)}`,
  );
  if (faults.length > 0) process.exitCode = 1;
}
closeConnections();
