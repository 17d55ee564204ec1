// npm run bench:issue [-- --self-check [FAULT…]]: what issuing tokens costs beside bare signatures, and signing in beside bare hashes; and
// what a flood of logins does to everybody else.
//
// Identity and its hashing process have one core, Postgres and the load another. Ratios are of processor time, not of time on the
// wall: where the core is identity's alone they are the same, and where others want it too only the former says anything.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onCore, pickCores, pinThisProcess } from './cores.mjs';
import { startInstallation } from './installation.mjs';
import { createClient, gate } from './issue-client.mjs';
import { measureFlood } from './issue-flood.mjs';
import { startPeer } from './issue-peer.mjs';
import { stayAwake } from './load.mjs';
import { cpuMsOf, descendantsOf, peakMbOf } from './processes.mjs';

const ROUNDS = 5;
const REFRESHING = 32;
/** So many before anything is measured: a server runs for days, and what it runs often is compiled by then. */
const WARM = { tokens: 15_000, logins: 3_000 };
const LIMITS = { refresh_over_raw: 0.5, login_over_raw: 0.85, flood_p99_ratio: 3, peak_mb: 600 };
const ARGON2 = { ARGON2_MEMORY_KIB: '19456', ARGON2_PASSES: '2' };
const SETTINGS = {
  ...ARGON2,
  PASSWORD_HASH_PROCESSES: '1',
  REFRESHES_PER_SECOND: '10000',
  SESSIONS_PER_ACCOUNT: '1000000',
};
const file = (name) => fileURLToPath(new URL(name, import.meta.url));

const cores = pickCores();
if (cores) pinThisProcess(cores.rest);

async function startRaw() {
  const args = [file('issue-raw.mjs'), ARGON2.ARGON2_MEMORY_KIB, ARGON2.ARGON2_PASSES];
  const child = spawn(...onCore(cores?.server, process.execPath, ...args), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return {
    async measure(what, ms) {
      child.send({ what, ms });
      return (await once(child, 'message'))[0];
    },
    stop: () => child.kill(),
  };
}

/** Repeats `act` in so many places at once for `ms`: the count, and the time it took. */
async function repeat(places, ms, act) {
  const maySleep = cores ? stayAwake() : () => undefined;
  const start = performance.now();
  let count = 0;
  await Promise.all(
    Array.from({ length: places }, async (_, place) => {
      while (performance.now() - start < ms) {
        await act(place);
        count += 1;
      }
    }),
  ).finally(maySleep);
  return { count, ms: performance.now() - start };
}

/** Repeats `act` as often as it takes for what is run often to have been compiled. */
async function warm(what, times, places, act) {
  for (let count = 0; count < times;) {
    count += (await repeat(places, 2_000, act)).count;
    process.stderr.write(`warming up: ${count} of ${times} ${what}\n`);
  }
}

/** The same with the processor time of identity: of its serving process alone, or with those that hash. */
async function measureIdentity(pids, ...repeating) {
  const cpu = () => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const before = cpu();
  const measured = await repeat(...repeating);
  return { ...measured, cpuMs: cpu() - before };
}

const each = ({ cpuMs, count }) => cpuMs / count;
const perSecond = ({ count, ms }) => (count / ms) * 1000;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function rounds(client, raw, peer, identityPid, count) {
  const sessions = [];
  while (sessions.length < REFRESHING) sessions.push(await client.logIn());
  const refresh = async (place) => {
    sessions[place] = await client.refresh(sessions[place].refresh_token);
  };
  const all = [identityPid, ...descendantsOf(identityPid)];
  await warm('refreshes', WARM.tokens, REFRESHING, refresh);
  await warm('logins', WARM.logins, 4, client.logIn);
  const token = (await client.logIn()).access_token;
  const cookie = await peer.logIn();
  const me = () => client.me(token);
  const checkPeer = () => peer.check(cookie);
  await warm('looks at /auth/me', WARM.tokens, 4, me);
  await warm("looks at the peer's session", WARM.tokens, 4, checkPeer);
  await warm("logins at the peer's", WARM.logins, 4, peer.logIn);
  const results = [];
  for (let round = 0; round < count; round += 1) {
    results.push({
      sign: await raw.measure('sign', 700),
      refresh: await measureIdentity([identityPid], REFRESHING, 2_000, refresh),
      hash: await raw.measure('hash', 1_000),
      login: await measureIdentity(all, 4, 2_000, client.logIn),
      peerLogin: await measureIdentity([peer.pid], 4, 2_000, peer.logIn),
      me: await measureIdentity([identityPid], 4, 700, me),
      peerCheck: await measureIdentity([peer.pid], 4, 700, checkPeer),
    });
    process.stderr.write(`refreshes and logins: round ${round + 1} of ${count}\n`);
  }
  return results;
}

/** Starts everything, measures, and stops it again. */
async function measure({ fault, rounds: count = ROUNDS, flood: turns, only } = {}) {
  const installation = await startInstallation({
    services: [],
    identity: { ...SETTINGS, ...(fault ? { BENCH_FAULT: fault } : {}) },
    identityFlags: fault ? ['--import', file('issue-fault.mjs')] : [],
    identityCore: cores?.server,
  });
  const client = createClient(installation);
  const raw = await startRaw();
  const peer = await startPeer({ ...installation, core: cores?.server, argon2: ARGON2 });
  try {
    const faults = await gate(client);
    if (faults.length > 0) return { faults };
    const { identityPid } = installation;
    const results = await rounds(client, raw, peer, identityPid, count);
    const of = (work) => median(results.map(work));
    const capacity = of(({ login }) => perSecond(login));
    peer.stop();
    const flood = only === 'rounds' ? undefined : await measureFlood(client, capacity, turns);
    const peaks = descendantsOf(process.pid).map((pid) => [pid, peakMbOf(pid)]);
    return {
      faults,
      results,
      flood,
      figures: {
        refresh_over_raw: of(({ sign, refresh }) => each(sign) / each(refresh)),
        login_over_raw: of(({ hash, login }) => each(hash) / each(login)),
        flood_p99_ratio: flood?.ratio,
        peak_mb: Math.max(...peaks.map(([, mb]) => mb)),
      },
    };
  } finally {
    raw.stop();
    peer.stop();
    client.stop();
    await installation.stop();
  }
}

function failsOf({ faults, figures, flood }) {
  if (faults.length > 0) return faults;
  const fails = [];
  for (const name of ['refresh_over_raw', 'login_over_raw'])
    if (!(figures[name] >= LIMITS[name]))
      fails.push(`${name} is ${figures[name].toFixed(3)}, below ${LIMITS[name]}`);
  if (flood && !(figures.flood_p99_ratio <= LIMITS.flood_p99_ratio))
    fails.push(
      `flood_p99_ratio is ${figures.flood_p99_ratio.toFixed(2)}, above ${LIMITS.flood_p99_ratio}`,
    );
  if (!(figures.peak_mb <= LIMITS.peak_mb))
    fails.push(`peak_mb is ${figures.peak_mb.toFixed(0)}, above ${LIMITS.peak_mb}`);
  if (flood && flood.flood[503] < flood.flood.sent / 2)
    fails.push('the flood was none: most of it was not turned away');
  return fails;
}

/** Each fault, and what has to be said of it. */
const FAULTS = [
  ['slow-refresh', 'a refresh that signs four times', /refresh_over_raw/],
  ['slow-login', 'a login that hashes twice', /login_over_raw/],
  ['no-way-round', 'a login that holds up the serving process', /flood_p99_ratio/],
  ['memory', 'a process that keeps 700 MiB', /peak_mb/],
];

async function selfCheck(names) {
  const chosen = FAULTS.filter(([fault]) => names.length === 0 || names.includes(fault));
  if (chosen.length < names.length)
    throw new Error(`the faults are ${FAULTS.map(([fault]) => fault).join(', ')}`);
  for (const [fault, name, expected] of chosen) {
    const only = fault === 'no-way-round' ? undefined : 'rounds';
    const fails = failsOf(await measure({ fault, rounds: 2, flood: 2, only }));
    const found = fails.find((fail) => expected.test(fail));
    console.log(`${found ? 'caught' : 'MISSED'}: ${name} ${found ?? fails.join('; ')}`);
    if (!found) process.exitCode = 1;
  }
}

async function report() {
  const measured = await measure();
  for (const fail of failsOf(measured)) {
    console.log(`FAILED: ${fail}`);
    process.exitCode = 1;
  }
  const { results, figures, flood } = measured;
  if (!results) return;
  const where = cores
    ? `identity on core ${cores.server}, Postgres and load on core ${cores.rest}`
    : 'not pinned to cores';
  console.log(`node ${process.version}, RSA-2048, ${ROUNDS} rounds; ${where}`);
  const row = (name) => ({
    'processor ms each': median(results.map((all) => each(all[name]))).toFixed(3),
    'a second on the wall': median(results.map((all) => perSecond(all[name]))).toFixed(0),
    'core busy': `${(median(results.map((all) => all[name].cpuMs / all[name].ms)) * 100).toFixed(0)} %`,
  });
  console.table({
    'raw signature': row('sign'),
    'refresh (serving process)': row('refresh'),
    'raw argon2id': row('hash'),
    'login (serving and hashing)': row('login'),
    'login, better-auth': row('peerLogin'),
    '/auth/me': row('me'),
    'session, better-auth': row('peerCheck'),
  });
  console.table(flood.rows);
  console.log(`of the flood: ${JSON.stringify(flood.flood)}\n`);
  const digits = { refresh_over_raw: 3, login_over_raw: 3, flood_p99_ratio: 2, peak_mb: 0 };
  console.log(
    Object.entries(figures)
      .map(([name, value]) => `${name}=${value.toFixed(digits[name])}`)
      .join(' '),
  );
}

const [mode, ...names] = process.argv.slice(2);
await (mode === '--self-check' ? selfCheck(names) : report());
