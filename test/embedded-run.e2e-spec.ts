import { jest } from '@jest/globals';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

jest.setTimeout(240_000);

const root = join(import.meta.dirname, '..');
const offsets = [0, 1, 2, 5, 10, 11, 12, 32, 80, 81];

/** An embedded run in a process group of its own, as a terminal would start it. */
interface Run {
  readonly launcher: ChildProcess;
  readonly exited: Promise<number | null>;
  output(): string;
}

let statePath: string;
let base: number;
const runs: Run[] = [];

beforeAll(async () => {
  statePath = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  base = await findFreeBase();
});

afterAll(async () => {
  for (const { launcher, exited } of runs) {
    if (launcher.exitCode !== null || launcher.signalCode !== null) continue;
    launcher.kill('SIGTERM');
    await exited;
  }
  const outside = await readFile(join(statePath, 'postgres', 'location'), 'utf8').catch(() => '');
  if (outside !== '') await rm(outside, { recursive: true, force: true });
  await rm(statePath, { recursive: true, force: true });
});

async function findFreeBase(): Promise<number> {
  for (let candidate = 30_000 - (process.pid % 90) * 100; candidate > 2_000; candidate -= 100) {
    if (await areFree(candidate)) return candidate;
  }
  throw new Error('no free range of ports');
}

async function areFree(candidate: number): Promise<boolean> {
  const free = await Promise.all(offsets.map((offset) => isFree(candidate + offset)));
  return free.every(Boolean);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function start(command: string, args: readonly string[]): Run {
  const launcher = spawn(command, args, {
    cwd: root,
    detached: true,
    env: { PATH: process.env['PATH'], HOME: tmpdir(), COUNTERSIGN_STATE_DIR: statePath },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [launcher.stdout, launcher.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const exited = new Promise<number | null>((resolve) => launcher.once('exit', resolve));
  const run = { launcher, exited, output: () => output };
  runs.push(run);
  return run;
}

const startDirectly = (): Run =>
  start(process.execPath, ['tools/start.mjs', '--port-base', String(base)]);
const startByNpm = (): Run => start('npm', ['start', '--', '--port-base', String(base)]);

async function untilRunning(run: Run): Promise<void> {
  for (let waited = 0; waited < 120_000; waited += 100) {
    if (run.output().includes('Countersign is running')) return;
    if (run.launcher.exitCode !== null) break;
    await sleep(100);
  }
  throw new Error(`it did not start:\n${run.output()}`);
}

/** Resolves with the exit code, or fails when the run takes longer to end. */
async function endsWithin(run: Run, milliseconds: number): Promise<number | null> {
  const tooLate = sleep(milliseconds, 'too late', { ref: false });
  const outcome = await Promise.race([run.exited, tooLate]);
  if (outcome === 'too late') throw new Error(`it did not end:\n${run.output()}`);
  return outcome as number | null;
}

/** The processes that descend from one, by their ids. */
async function descendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    parents.set(Number(entry), Number(parent));
  }
  const found = new Set([pid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  return [...found].filter((id) => id !== pid);
}

async function stillThere(pids: readonly number[]): Promise<number[]> {
  const there = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      return stat === '' || / Z /.test(stat.slice(stat.lastIndexOf(')'))) ? [] : [pid];
    }),
  );
  return there.flat();
}

async function allGoneWithin(pids: readonly number[], milliseconds: number): Promise<boolean> {
  for (let waited = 0; waited < milliseconds; waited += 100) {
    if ((await stillThere(pids)).length === 0 && (await areFree(base))) return true;
    await sleep(100);
  }
  return false;
}

async function logIn(): Promise<number> {
  const demo = JSON.parse(await readFile(join(statePath, 'demo.json'), 'utf8')) as {
    customer: { email: string; password: string };
  };
  const response = await fetch(`http://localhost:${base + 80}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(demo.customer),
  });
  return response.status;
}

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux(
  'the embedded run: the printed walk works, Ctrl-C ends everything, data stays',
  async () => {
    const run = startDirectly();
    await untilRunning(run);
    const started = await descendants(run.launcher.pid!);
    expect(started.length).toBeGreaterThan(5);

    const [, walk = ''] =
      /^A walk to copy and paste.*\n\n((?:.+\n)+)\nThe last answer/m.exec(run.output()) ?? [];
    const { stdout, stderr } = await promisify(execFile)('bash', ['-e', '-c', walk]);
    const answers = stdout.trim().split('\n');
    expect(stderr).toBe('');
    expect(answers).toHaveLength(5);
    const [orders, paid, payments, logout, refused] = answers.map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    );
    expect(orders).toMatchObject({ items: [{ item: 'book', amount_cents: 1250 }] });
    expect(paid).toMatchObject({ status: 'paid' });
    expect(payments).toMatchObject({ items: [{ amount_cents: 1250 }] });
    expect(logout).toHaveProperty('revocation');
    expect(refused).toMatchObject({ status: 401, code: 'revoked' });

    run.launcher.kill('SIGINT');
    expect(await endsWithin(run, 20_000)).toBe(0);
    expect(run.output()).not.toContain('by force');
    expect(await stillThere(started)).toEqual([]);
    expect(await areFree(base)).toBe(true);
  },
);

onLinux(
  'a run by npm, ended as a terminal does, whose data is that of the run before',
  async () => {
    const run = startByNpm();
    await untilRunning(run);
    expect(await logIn()).toBe(200);
    const started = await descendants(run.launcher.pid!);
    // Ctrl-C in a terminal: the signal goes to every process in the foreground group.
    process.kill(-run.launcher.pid!, 'SIGINT');
    // npm waits for the launcher, and then ends by the signal itself: no exit code.
    expect([0, null]).toContain(await endsWithin(run, 20_000));
    expect(run.output()).toContain('everything is stopped');
    expect(run.output()).not.toContain('by force');
    expect(await allGoneWithin(started, 2_000)).toBe(true);
  },
);

onLinux('a run that is killed leaves nothing running and loses nothing', async () => {
  const killed = startDirectly();
  await untilRunning(killed);
  const started = await descendants(killed.launcher.pid!);
  killed.launcher.kill('SIGKILL');
  await killed.exited;

  const next = startDirectly();
  await untilRunning(next);
  expect(await stillThere(started)).toEqual([]);
  expect(await logIn()).toBe(200);
  next.launcher.kill('SIGINT');
  expect(await endsWithin(next, 20_000)).toBe(0);
  expect(await areFree(base)).toBe(true);
});
