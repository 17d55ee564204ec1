// npm run bench:guard [-- --self-check | --profile]: how many requests a second one core answers on a Nest route, open and guarded in
// several ways. Rounds are interleaved, figures are medians, and all are ratios to another figure of the same round.
//
// The load keeps the core of the server busy. Counted is processor time of the server's process, not time on the wall: where
// the core is the server's alone they are the same, and where others want it too only the former says anything.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startTestIssuer, startThrowAwayRedis } from '@countersign/test-kit';
import { Redis } from 'ioredis';
import { onCore, pickCores, pinThisProcess } from './cores.mjs';
import { GROUP_NAMES, printProfile, sharesOf } from './guard-profile.mjs';
import { load, makeRequest } from './load.mjs';

/** Processes differ from start to start, so that one of each says little. */
const STARTS = 3;
const ROUNDS = 3;
const ROUND_MS = 1_000;
const CONNECTIONS = 64;
const WARM_TOKENS = 1_000;
/** More than a verifier remembers: after all the others, each is as good as never seen. */
const COLD_TOKENS = 24_000;
const LIMITS = { native: 0.85, passport: 0.72, over_usual: 8 };
/** A verification of RSA-2048 costs at least this much processor time on any machine of today, microseconds. */
const LEAST_COLD_US = 8;
/** Answer 200 to everybody. */
const UNGUARDED = new Set(['open', 'a guard that does nothing']);
const REVOKED_SESSION = 'a-session-that-was-ended';

const cores = pickCores();
if (cores) pinThisProcess(cores.rest);
const issuer = await startTestIssuer();
const redis = await startThrowAwayRedis();
const servers = [];

async function startServer(variant) {
  const file = fileURLToPath(new URL('guard-server.mjs', import.meta.url));
  const [program, flags] = onCore(cores?.server, process.execPath, file);
  const child = spawn(program, flags, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  servers.push(child);
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${variant} has ended`)));
  ended.catch(() => undefined);
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  child.send({
    variant,
    issuer: issuer.issuer,
    origin: new URL(issuer.discoveryUrl).origin,
    discoveryUrl: issuer.discoveryUrl,
    credentials: issuer.credentials,
    redisUrl: redis.url,
  });
  const { port } = await answer();
  const ask = async (name) => {
    child.send(name);
    return answer();
  };
  return { variant, port, ask };
}

function stopServers() {
  while (servers.length > 0) servers.pop().kill();
}

const inThreeThousandSeconds = () => ({ exp: Math.floor(Date.now() / 1000) + 3_000 });

async function makeRequests(count) {
  const requests = [];
  while (requests.length < count) {
    const some = Math.min(100, count - requests.length);
    const tokens = Array.from({ length: some }, () => issuer.issue(inThreeThousandSeconds()));
    for (const token of await Promise.all(tokens)) requests.push(makeRequest(token));
  }
  return requests;
}

/** What a server that guards nothing would get away with if nobody looked. */
async function gate({ variant, port }) {
  const issue = (claims, header) =>
    issuer.issue({ ...inThreeThousandSeconds(), ...claims }, header);
  const good = await issue();
  const expected = [
    ['a good token', good, 200],
    ['a good token again', good, 200],
    ['no token', undefined, 401],
    ['a revoked session', await issue({ sid: REVOKED_SESSION }), 401],
    ['a token for others', await issue({ aud: ['payments'] }), 401],
    ['a key that nobody has', await issue({}, { kid: 'nobody-has-it' }), 401],
    ['another signature', `${good.slice(0, -8)}AAAAAAAA`, 401],
  ];
  const faults = [];
  for (const [name, token, status] of expected) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers });
    await answer.text();
    if (answer.status !== status)
      faults.push(`${variant}: ${name} was answered ${answer.status} instead of ${status}`);
  }
  return faults;
}

/** One run: requests for each second of processor time, and for each second on the wall. */
async function measure(server, requests, options) {
  const before = await server.ask('cpu');
  const { answered, ms } = await load({
    port: server.port,
    requests,
    connections: CONNECTIONS,
    neverSleeps: cores !== undefined,
    ...options,
  });
  const after = await server.ask('cpu');
  const cpuMs = after.cpuMs - before.cpuMs;
  return {
    perCore: (answered / cpuMs) * 1000,
    perSecond: (answered / ms) * 1000,
    busy: cpuMs / ms,
    collecting: (after.gcMs - before.gcMs) / cpuMs,
  };
}

/** Starts the servers of `runs`, looks whether they answer right, and warms them up. */
async function start(runs) {
  const names = [...new Set(runs.map(({ variant }) => variant))];
  const started = {};
  const faults = [];
  for (const name of names) {
    started[name] = await startServer(name);
    if (!UNGUARDED.has(name)) faults.push(...(await gate(started[name])));
  }
  if (faults.length > 0) return { faults, started };
  for (const { variant, requests } of runs)
    await measure(started[variant], requests, { ms: 1_500 });
  return { faults, started };
}

/** A cold run goes through all its tokens, each once. */
const lengthOf = (requests) =>
  requests.length > WARM_TOKENS ? { count: requests.length } : { ms: ROUND_MS };

/** Measures the servers of `runs` by turns. */
async function compare(runs, rounds) {
  const { faults, started } = await start(runs);
  if (faults.length > 0) return { faults, rounds: [] };
  const results = [];
  for (let round = 0; round < rounds; round += 1) {
    const figures = {};
    for (const { name, variant, requests } of runs)
      figures[name] = await measure(started[variant], requests, lengthOf(requests));
    results.push(figures);
    process.stderr.write(`round ${round + 1} of ${rounds}\r`);
  }
  return { faults, rounds: results };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const ratio = ({ rounds }, one, other, of = 'perCore') =>
  median(rounds.map((figures) => figures[one][of] / figures[other][of]));

function failsOf(result) {
  if (result.faults.length > 0) return result.faults;
  const fails = [];
  const atLeast = (name, value, limit) => {
    if (value < limit) fails.push(`${name} is ${value.toFixed(3)}, below ${limit}`);
  };
  const has = (name) => name in result.rounds[0];
  if (has('native')) atLeast('native', ratio(result, 'native', 'open'), LIMITS.native);
  if (has('passport')) atLeast('passport', ratio(result, 'passport', 'open'), LIMITS.passport);
  if (has('usual on Express'))
    atLeast('over_usual', ratio(result, 'native', 'usual on Express'), LIMITS.over_usual);
  if (has('native, all cold')) {
    const microseconds = ({ perCore }) => 1_000_000 / perCore;
    const more = result.rounds.map(
      (all) => microseconds(all['native, all cold']) - microseconds(all.native),
    );
    if (median(more) < LEAST_COLD_US) fails.push('the cold run was not cold');
  }
  return fails;
}

async function selfCheck(warm) {
  const open = { name: 'open', variant: 'open', requests: warm };
  const ours = (name, variant = name, requests = warm) => ({ name, variant, requests });
  const cases = {
    'a sleep in the hot path': [open, ours('native', 'native with a sleep')],
    'a sleep behind passport': [open, ours('passport', 'passport with a sleep')],
    'revocation switched off': [open, ours('native', 'native without revocation')],
    'no guard at all': [open, ours('native', 'open without a guard')],
    'cold tokens that are warm': [open, ours('native'), ours('native, all cold', 'native')],
  };
  let missed = 0;
  for (const [name, runs] of Object.entries(cases)) {
    const fails = failsOf(await compare(runs, 3));
    console.log(`${fails.length > 0 ? 'caught' : 'MISSED'}: ${name} ${fails[0] ?? ''}`);
    if (fails.length === 0) missed += 1;
    stopServers();
  }
  if (missed > 0) process.exitCode = 1;
}

async function makeRuns(warm, names) {
  console.error(`making ${COLD_TOKENS} tokens…`);
  const cold = await makeRequests(COLD_TOKENS);
  const runs = names.map((name) => ({ name, variant: name, requests: warm }));
  return [...runs, { name: 'native, all cold', variant: 'native', requests: cold }];
}

/** Where the time goes, with the profiler on while requests are answered, and so at some cost. */
async function profile(warm) {
  const runs = await makeRuns(warm, ['open', 'a guard that does nothing', 'native', 'passport']);
  const seen = Object.fromEntries(runs.map(({ name }) => [name, []]));
  for (let number = 1; number <= STARTS; number += 1) {
    const { faults, started } = await start(runs);
    if (faults.length > 0) throw new Error(faults.join('; '));
    for (const { name, variant, requests } of runs) {
      const server = started[variant];
      await server.ask('startProfiler');
      const { perCore } = await measure(server, requests, lengthOf(requests));
      const shares = sharesOf(await server.ask('stopProfiler'));
      seen[name].push((group) => (shares[group] * 1_000_000) / perCore);
    }
    process.stderr.write(`start ${number} of ${STARTS}\n`);
    stopServers();
  }
  const medians = ([name, starts]) => [
    name,
    Object.fromEntries(
      GROUP_NAMES.map((group) => [group, median(starts.map((usOf) => usOf(group)))]),
    ),
  ];
  printProfile(Object.fromEntries(Object.entries(seen).map(medians)));
}

async function report(warm) {
  const runs = await makeRuns(warm, [
    'open',
    'a guard that does nothing',
    'native',
    'passport',
    'usual on Express',
    'usual on Fastify',
  ]);
  const result = { faults: [], rounds: [] };
  const starts = [];
  for (let number = 1; number <= STARTS; number += 1) {
    const { faults, rounds } = await compare(runs, ROUNDS);
    result.faults.push(...faults);
    result.rounds.push(...rounds);
    starts.push({ rounds });
    process.stderr.write(`start ${number} of ${STARTS}\n`);
    stopServers();
  }
  const where = cores
    ? `server on core ${cores.server}, load and Redis on core ${cores.rest}`
    : 'not pinned to cores';
  console.log(
    `node ${process.version}, RSA-2048, ${CONNECTIONS} connections, ${ROUNDS} rounds of each of ${STARTS} starts; ${where}\n`,
  );
  console.log(
    `${''.padEnd(25)} requests/s of one core  of open   on the wall  of open  core busy  collecting`,
  );
  for (const name of result.rounds.length > 0 ? runs.map((run) => run.name) : []) {
    const of = (figure) => median(result.rounds.map((figures) => figures[name][figure]));
    const cells = [
      of('perCore').toFixed(0).padStart(22),
      ratio(result, name, 'open').toFixed(3).padStart(8),
      of('perSecond').toFixed(0).padStart(13),
      ratio(result, name, 'open', 'perSecond').toFixed(3).padStart(8),
      `${(of('busy') * 100).toFixed(0)} %`.padStart(10),
      `${(of('collecting') * 100).toFixed(0)} %`.padStart(11),
    ];
    console.log(`${name.padEnd(25)} ${cells.join(' ')}`);
  }
  const fails = failsOf(result);
  for (const fail of fails) console.log(`\nFAILED: ${fail}`);
  if (fails.length > 0) process.exitCode = 1;
  if (starts.some(({ rounds }) => rounds.length === 0)) return;
  for (const name of ['native', 'passport']) {
    const ratios = starts.map((ofStart) => ratio(ofStart, name, 'open'));
    const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
    console.log(
      `${name} / open in the ${STARTS} starts: ${least.toFixed(3)} to ${most.toFixed(3)}`,
    );
  }
  const line = {
    native: ratio(result, 'native', 'open').toFixed(3),
    passport: ratio(result, 'passport', 'open').toFixed(3),
    all_cold: ratio(result, 'native, all cold', 'open').toFixed(3),
    over_usual: ratio(result, 'native', 'usual on Express').toFixed(2),
    over_usual_fastify: ratio(result, 'native', 'usual on Fastify').toFixed(2),
  };
  console.log(
    `\n${Object.entries(line)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')}`,
  );
}

try {
  issuer.revoke({ kind: 'sid', id: REVOKED_SESSION });
  const client = new Redis(redis.url);
  await client.set(`revoked:${REVOKED_SESSION}`, '1');
  await client.quit();
  const warm = await makeRequests(WARM_TOKENS);
  const has = (flag) => process.argv.includes(flag);
  await (has('--self-check') ? selfCheck : has('--profile') ? profile : report)(warm);
} finally {
  stopServers();
  await redis.stop();
  await issuer.stop();
}
