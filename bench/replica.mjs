// npm run bench:replica [-- [COUNT] [--self-check]]: a verifier learns of a million live revocations from identity's snapshot.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseFeedFrame, RevocationReplica } from '../libs/revocation/dist/index.js';
import { createTokenVerifier } from '../libs/token-verifier/dist/index.js';
import { eventOf, tokenOf } from './replica-fixture.mjs';

const MIB = 1024 * 1024;
const LIMITS = { replica_mb: 64, lookup_ns: 500, replay_s: 10, pause_ms: 20 };
const SELF_CHECKED = 200_000;
const selfCheck = process.argv.includes('--self-check');
const given = process.argv.slice(2).find((argument) => /^\d+$/.test(argument));
const count = Number(given ?? (selfCheck ? SELF_CHECKED : 1_000_000));

if (!globalThis.gc) throw new Error('run it with --expose-gc');

const server = fork(new URL('replica-server.mjs', import.meta.url), [String(count)], {
  execArgv: [],
});
const [origin] = await once(server, 'message');
const verifierOf = (log) =>
  createTokenVerifier({
    issuer: origin,
    audience: 'orders',
    discoveryUrl: `${origin}/${log}/metadata`,
    credentials: { clientId: 'orders', clientSecret: 's' },
  });

/** Pages, in bytes, that the process holds in memory. */
const resident = () => process.memoryUsage.rss();

/**
 * Watches the event loop, every millisecond. A turn that comes late is a pause for as long as this process worked meanwhile: while
 * others had the processor, nobody here was held up by what is measured.
 *
 * @returns ends it, and tells the longest pause, milliseconds
 */
function watchPauses() {
  let longest = 0;
  let at = performance.now();
  let worked = process.cpuUsage();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, Math.min(now - at, workedSince(worked)));
    at = performance.now();
    worked = process.cpuUsage();
  }, 1);
  return () => {
    clearInterval(timer);
    // The timer itself is due after one millisecond.
    return Math.max(0, longest - 1);
  };
}

/**
 * A cold start, watched: from nothing to ready. Memory is the peak above a verifier that is ready and knows of no
 * revocation; the pause is the longest time in which the event loop could do nothing else.
 *
 * @param hindrance what the self-check does to it in between
 */
async function fill(hindrance = () => undefined) {
  for (let times = 0; times < 3; times += 1) globalThis.gc();
  const before = resident();
  let peak = before;
  const watching = setInterval(() => (peak = Math.max(peak, resident())), 2);
  const start = performance.now();
  const longestPause = watchPauses();
  const verifier = verifierOf('full');
  const hindered = setTimeout(hindrance, 50);
  await verifier.ready();
  const seconds = (performance.now() - start) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const pause = longestPause();
  clearInterval(watching);
  clearTimeout(hindered);
  const { entries } = verifier.state().revocation;
  await verifier.close();
  return {
    entries,
    replica_mb: (Math.max(peak, resident()) - before) / MIB,
    replay_s: seconds,
    pause_ms: pause,
  };
}

/** A replica by itself, with the same revocations. */
function filledReplica(leftOut = () => false) {
  const replica = new RevocationReplica({ softMs: 1e9, hardMs: 1e9 });
  const now = { wallMs: Date.now(), monotonicMs: 0 };
  replica.receive({ type: 'begin', epoch: 1, after: 0, head: count }, now);
  for (let seq = 1; seq <= count; seq += 1)
    if (!leftOut(seq)) replica.receive(parseFeedFrame('revocation', eventOf(seq)), now);
  replica.receive({ type: 'end', epoch: 1, head: count }, now);
  return (token) => replica.isRevoked(token);
}

/** Milliseconds of processor time since an earlier reading of it. */
function workedSince(reading) {
  const { user, system } = process.cpuUsage(reading);
  return (user + system) / 1000;
}

/**
 * Nanoseconds of processor time for a decision on a token that nothing covers: all that there is must be looked at. The best of nine
 * rounds.
 */
function timeLookups(isRevoked) {
  const tokens = Array.from({ length: 20_000 }, (_, n) => tokenOf(2 * count + 3 * n));
  const rounds = Array.from({ length: 9 }, () => {
    const start = process.cpuUsage();
    for (const token of tokens) isRevoked(token);
    return (workedSince(start) * 1e6) / tokens.length;
  });
  return Math.min(...rounds);
}

/** What a replica would get away with if nobody looked. */
function wrongAnswers(isRevoked) {
  let missed = 0;
  let madeUp = 0;
  const free = 2 * count;
  for (let seq = 1; seq <= count; seq += 1) {
    const { kind, id } = eventOf(seq);
    const member = { jti: 'tokenId', sid: 'sessionId', sub: 'subject' }[kind];
    if (!isRevoked(tokenOf(free, { [member]: id }))) missed += 1;
    if (isRevoked(tokenOf(free + 3 * seq))) madeUp += 1;
  }
  return [
    ...(missed > 0 ? [`${missed} revoked tokens were not`] : []),
    ...(madeUp > 0 ? [`${madeUp} tokens were revoked that nothing covers`] : []),
  ];
}

const failsOf = (figures) =>
  Object.entries(LIMITS)
    .filter(([name, limit]) => figures[name] > limit)
    .map(([name, limit]) => `${name} is ${figures[name].toFixed(2)}, above ${limit}`);

const workFor = (ms) => {
  const start = process.cpuUsage();
  while (workedSince(start) < ms);
};

async function checkItself() {
  const isRevoked = filledReplica();
  const kept = [];
  const checks = {
    'seventy megabytes more': failsOf(await fill(() => kept.push(Buffer.alloc(70 * MIB, 1)))),
    'the event loop held up for 50 ms': failsOf(await fill(() => workFor(50))),
    'a microsecond more for a decision': failsOf({
      lookup_ns: timeLookups((token) => {
        workFor(0.001);
        return isRevoked(token);
      }),
    }),
    'one revocation forgotten': wrongAnswers(filledReplica((seq) => seq === 4_711)),
    'a fingerprint instead of the identifier': wrongAnswers(
      (token) => isRevoked(token) || token.tokenId.startsWith('000'),
    ),
  };
  for (const [name, fails] of Object.entries(checks))
    console.log(`${fails.length > 0 ? 'caught' : 'MISSED'}: ${name}`);
  if (Object.values(checks).some((fails) => fails.length === 0)) process.exitCode = 1;
}

async function measure() {
  const filled = await fill();
  const isRevoked = filledReplica();
  const figures = { ...filled, lookup_ns: timeLookups(isRevoked) };
  const fails = [
    ...(filled.entries === count ? [] : [`${filled.entries} entries instead of ${count}`]),
    ...wrongAnswers(isRevoked),
    ...(count === 1_000_000 ? failsOf(figures) : []),
  ];
  for (const fail of fails) console.log(`FAILED: ${fail}`);
  if (fails.length > 0) process.exitCode = 1;
  console.log(
    `replica_mb=${figures.replica_mb.toFixed(1)} lookup_ns=${figures.lookup_ns.toFixed(0)} replay_s=${figures.replay_s.toFixed(2)} pause_ms=${figures.pause_ms.toFixed(1)}`,
  );
}

// What a process at work has anyway: compiled code, connections, and a young generation of the heap at its full size (V8 lets it
// grow to some 32 MiB with the first work of any kind, and keeps it).
const ready = verifierOf('empty');
await ready.ready();
for (let times = 0; times < 6; times += 1) {
  const warm = verifierOf('warm');
  await warm.ready();
  await warm.close();
}
await (selfCheck ? checkItself() : measure());
await ready.close();
server.disconnect();
