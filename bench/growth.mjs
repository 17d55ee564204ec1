// npm run bench:growth [-- --small] [-- --self-check]: how cost grows with users, with revocations and with instances of relying services.
// Writes the charts of docs/performance; with --small, nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { measureInstances } from './growth-instances.mjs';
import { failsOf, lastStep } from './growth-steps.mjs';
import { measureUsers } from './growth-users.mjs';
import { closeConnections } from './http-client.mjs';
import { plot, short } from './plot.mjs';

const isSmall = process.argv.includes('--small');
const selfCheck = process.argv.includes('--self-check');
const COUNTS = isSmall
  ? { users: [10_000, 30_000], revocations: [0, 10_000, 30_000], instances: [2, 20] }
  : {
      users: [10_000, 100_000, 1_000_000],
      revocations: [0, 10_000, 100_000, 1_000_000],
      instances: [2, 20, 200],
    };
const FOLDER = new URL('../docs/performance/', import.meta.url);
/** Below these, in their units, what is measured is noise. */
const LEAST = { ms: 0.05, ns: 20 };
const say = (line) => process.stderr.write(`  ${line}\n`);

/** bench:replica for each count: megabytes, and nanoseconds for a look-up. */
async function measureReplica(counts) {
  const measured = [];
  for (const count of counts) {
    const program = fileURLToPath(new URL('replica.mjs', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', program, String(count)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const last = (await text(child.stdout)).trim().split('\n').at(-1);
    await exited;
    const [, mb, ns] = /^replica_mb=(\S+) lookup_ns=(\S+)/.exec(last) ?? [];
    if (ns === undefined) throw new Error(`bench:replica printed ${last}`);
    say(`${count} revocations: ${mb} MB, look-up ${ns} ns`);
    measured.push({ count, mb: Number(mb), ns: Number(ns) });
  }
  return measured;
}

const column = (rows, name) => rows.map((row) => row[name]);

function chartsOf({ users, replica, instances }) {
  const chart = (rows, title, xLabel, yLabel, series) => ({
    title,
    xLabel,
    yLabel,
    x: column(rows, 'count'),
    series: series.map(([name, key]) => ({ name, values: column(rows, key) })),
  });
  const ms = 'ms of processor time: identity and its database';
  return {
    users: chart(users, 'Signing in and refreshing', 'users', ms, [
      ['login, without the hash', 'login'],
      ['refresh', 'refresh'],
    ]),
    'replica-memory': chart(replica, 'Memory of a replica', 'live revocations', 'MB', [
      ['at its peak, while it fills', 'mb'],
    ]),
    'replica-look-up': chart(replica, 'Deciding on a token', 'live revocations', 'ns', [
      ['whole look-up', 'ns'],
    ]),
    'check-in': chart(instances, 'A check-in', 'live instances', ms, [['one report', 'checkIn']]),
    following: chart(instances, 'Instances that follow the feed', 'live instances', ms, [
      ['all of them, for a second', 'following'],
      ['one revocation, until all have it', 'revocation'],
    ]),
  };
}

/** The figures of a chart as a table of Markdown. */
function inRows({ title, xLabel, x, series }) {
  const rows = [
    [xLabel, ...series.map(({ name }) => name)],
    ['-', ...series.map(() => '-')],
    ...x.map((step, n) => [step, ...series.map(({ values }) => values[n])].map(short)),
  ];
  return `${title}\n\n${rows.map((row) => `| ${row.join(' | ')} |\n`).join('')}`;
}

function stepsOf({ users, replica, instances }) {
  const each = (name) => instances.map((row) => row[name] / row.count);
  return {
    login: lastStep(column(users, 'login'), LEAST.ms),
    refresh: lastStep(column(users, 'refresh'), LEAST.ms),
    look_up: lastStep(column(replica, 'ns'), LEAST.ns),
    check_in: lastStep(column(instances, 'checkIn'), LEAST.ms),
    following_each: lastStep(each('following'), LEAST.ms),
    revocation_each: lastStep(each('revocation'), LEAST.ms),
  };
}

const inFigures = (steps) =>
  Object.entries(steps)
    .map(([name, step]) => `${name}=${step.toFixed(2)}`)
    .join(' ');

/** An account is looked for in all of them: without the index on the address a sign-in must be noticed to grow. */
async function checkItself() {
  // One process reads them all then, and is counted.
  const withoutIndex = (database) =>
    database.query(
      'ALTER TABLE accounts DROP CONSTRAINT accounts_email_key, SET (parallel_workers = 0)',
    );
  const users = await measureUsers([10_000, 300_000], say, withoutIndex);
  const steps = { login: lastStep(column(users, 'login'), LEAST.ms) };
  const [found] = failsOf(steps);
  console.log(`${found ? 'caught' : 'MISSED'}: a sign-in that reads all accounts`);
  if (!found) process.exitCode = 1;
  console.log(inFigures(steps));
}

async function measure() {
  const measured = {
    users: await measureUsers(COUNTS.users, say),
    replica: await measureReplica(COUNTS.revocations),
    instances: await measureInstances(COUNTS.instances, say),
  };
  const charts = Object.entries(chartsOf(measured));
  for (const [, chart] of charts) console.log(inRows(chart));
  if (!isSmall) {
    await mkdir(FOLDER, { recursive: true });
    for (const [name, chart] of charts)
      await writeFile(new URL(`${name}.svg`, FOLDER), plot(chart));
  }
  const steps = stepsOf(measured);
  const fails = failsOf(steps);
  for (const fail of fails) console.log(`FAIL: ${fail}`);
  if (fails.length > 0) process.exitCode = 1;
  console.log(inFigures(steps));
}

await (selfCheck ? checkItself() : measure());
closeConnections();
