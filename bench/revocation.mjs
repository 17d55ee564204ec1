// npm run bench:revocation [-- --self-check]: from the logout request, sent, to the refusal in every service; with Redis and
// with the HTTP feed. Then the replica's own figures, from bench:replica.
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startInstallation } from './installation.mjs';

const SAMPLES = 1_000;
/** Before the samples, not counted. */
const WARM_UP = 20;
const WAITED = 200;
const SUSTAINED = 400;
const LOGOUTS = WARM_UP + SAMPLES + WAITED + SUSTAINED;
const LIMITS = { redis_p99_ms: 25, feed_p99_ms: 50 };
/** What the self-check adds to the road that revocations take, milliseconds. */
const DETOUR_MS = 80;
const SERVICES = ['orders', 'payments'];
const selfCheck = process.argv.includes('--self-check');

const agent = new Agent({ keepAlive: true, maxSockets: 64, noDelay: true });

/** @returns status and body; the time in between is the caller's to take */
function ask(port, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method, headers, agent },
      (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('end', () =>
          resolve({ status: answer.statusCode, body: Buffer.concat(parts).toString() }),
        );
        answer.once('error', reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });

function operationsOn({ ports, account }) {
  return {
    async signIn(count) {
      const tokens = [];
      const body = JSON.stringify(account);
      const headers = { 'content-type': 'application/json' };
      while (tokens.length < count) {
        const answers = await Promise.all(
          Array.from({ length: Math.min(4, count - tokens.length) }, () =>
            ask(ports.identity, '/auth/login', { method: 'POST', headers, body }),
          ),
        );
        for (const { status, body: text } of answers) {
          if (status !== 200) throw new Error(`a sign-in was answered ${status}: ${text}`);
          tokens.push(JSON.parse(text).access_token);
        }
      }
      return tokens;
    },
    async use(service, token) {
      const { status } = await ask(ports[service], `/${service}`, { headers: bearer(token) });
      if (status !== 200 && status !== 401) throw new Error(`${service} answered ${status}`);
      return status === 200;
    },
    async logOut(token, prefer) {
      const headers = { ...bearer(token), ...(prefer ? { prefer } : {}) };
      const { status, body } = await ask(ports.identity, '/auth/logout', {
        method: 'POST',
        headers,
      });
      if (status !== 200 && status !== 202) throw new Error(`a logout was answered ${status}`);
      return JSON.parse(body).revocation.status;
    },
  };
}

/** Milliseconds from the logout being sent until both services have refused, one token after another. */
async function refusalTimes({ use, logOut }, tokens) {
  const times = [];
  for (const [n, token] of tokens.entries()) {
    for (const service of SERVICES)
      if (!(await use(service, token))) throw new Error('a good token was refused');
    const sent = performance.now();
    const refusal = async (service) => {
      while (await use(service, token))
        if (performance.now() - sent > 5_000) throw new Error('it was never refused');
    };
    const loggedOut = logOut(token);
    await Promise.all(SERVICES.map(refusal));
    times.push(performance.now() - sent);
    await loggedOut;
    if (n % 250 === 249) process.stderr.write(`  ${n + 1} logouts\n`);
  }
  return times.sort((a, b) => a - b);
}

/** How often a service accepted a token after the answer to its logout, and how many of the answers named receipts. */
async function acceptsAfterAnswer({ use, logOut }, tokens, prefer) {
  let accepts = 0;
  let applied = 0;
  for (const token of tokens) {
    await Promise.all(SERVICES.map((service) => use(service, token)));
    if ((await logOut(token, prefer)) === 'applied') applied += 1;
    else if (prefer) continue;
    const answers = await Promise.all(SERVICES.map((service) => use(service, token)));
    accepts += answers.filter(Boolean).length;
  }
  return { accepts, applied };
}

/** Logouts per second, sixteen at a time, until every service refuses all of them. */
async function sustained({ use, logOut }, tokens) {
  const start = performance.now();
  const left = [...tokens];
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let token = left.pop(); token; token = left.pop()) await logOut(token);
    }),
  );
  for (const service of SERVICES) for (const token of tokens) while (await use(service, token));
  return tokens.length / ((performance.now() - start) / 1000);
}

const percentile = (sorted, p) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

async function withInstallation(options, work) {
  const installation = await startInstallation(options);
  try {
    return await work(operationsOn(installation));
  } finally {
    await installation.stop();
  }
}

async function measure(name, redis) {
  return withInstallation({ redis }, async (operations) => {
    process.stderr.write(`${name}: signing in ${LOGOUTS} times\n`);
    const tokens = await operations.signIn(LOGOUTS);
    await refusalTimes(operations, tokens.splice(0, WARM_UP));
    const times = await refusalTimes(operations, tokens.splice(0, SAMPLES));
    const waited = await acceptsAfterAnswer(operations, tokens.splice(0, WAITED), 'wait=2');
    const perSecond = await sustained(operations, tokens);
    const row = {
      p50_ms: percentile(times, 0.5).toFixed(1),
      p99_ms: percentile(times, 0.99).toFixed(1),
      max_ms: times.at(-1).toFixed(1),
      'accepts after the answer (wait)': waited.accepts,
      'answers with receipts (wait)': `${waited.applied}/${WAITED}`,
      'logouts/s, sustained': perSecond.toFixed(0),
    };
    return { row, p99: percentile(times, 0.99), accepts: waited.accepts, applied: waited.applied };
  });
}

/** A port that leads to another, and takes its time. */
async function slowRoad(target) {
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    near.pipe(far);
    far.on('data', (part) => setTimeout(() => near.write(part), DETOUR_MS));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  server.unref();
  await once(server, 'listening');
  return server.address().port;
}

async function checkItself() {
  const caught = [];
  const slow = await withInstallation({ redis: true, detour: slowRoad }, async (operations) =>
    refusalTimes(operations, await operations.signIn(40)),
  );
  caught.push(['a road that takes 80 ms', percentile(slow, 0.99) > LIMITS.feed_p99_ms]);
  const hasty = await withInstallation({ detour: slowRoad }, async (operations) =>
    acceptsAfterAnswer(operations, await operations.signIn(40)),
  );
  caught.push(['a logout that does not wait for receipts', hasty.accepts > 0]);
  for (const [what, was] of caught) console.log(`${was ? 'caught' : 'MISSED'}: ${what}`);
  const replica = await benchReplica('--self-check');
  console.log(replica.lines.join('\n'));
  return replica.good && caught.every(([, was]) => was);
}

async function benchReplica(...options) {
  const program = fileURLToPath(new URL('replica.mjs', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', program, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const parts = [];
  child.stdout.on('data', (part) => parts.push(part));
  const [code] = await once(child, 'exit');
  return { lines: Buffer.concat(parts).toString().trim().split('\n'), good: code === 0 };
}

if (selfCheck) {
  process.exitCode = (await checkItself()) ? 0 : 1;
} else {
  const feed = await measure('feed', false);
  await delay(500);
  const redis = await measure('redis first, feed second', true);
  console.table({ feed: feed.row, redis: redis.row });
  const replica = await benchReplica();
  const faults = [
    redis.p99 > LIMITS.redis_p99_ms && `redis_p99_ms is above ${LIMITS.redis_p99_ms}`,
    feed.p99 > LIMITS.feed_p99_ms && `feed_p99_ms is above ${LIMITS.feed_p99_ms}`,
    feed.accepts + redis.accepts > 0 && 'a token was accepted after its receipt',
    Math.min(feed.applied, redis.applied) < WAITED * 0.9 &&
      'most logouts that wait should end with receipts',
    !replica.good && 'the replica is above its limits',
  ].filter(Boolean);
  for (const fault of faults) console.log(`FAIL: ${fault}`);
  console.log(
    `redis_p99_ms=${redis.p99.toFixed(1)} feed_p99_ms=${feed.p99.toFixed(1)} ${replica.lines.at(-1)}`,
  );
  if (faults.length > 0) process.exitCode = 1;
}
agent.destroy();
