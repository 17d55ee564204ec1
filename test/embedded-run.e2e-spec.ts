import { jest } from '@jest/globals';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

jest.setTimeout(240_000);

const root = join(import.meta.dirname, '..');
const offsets = [0, 1, 2, 5, 10, 11, 12, 32, 80, 81];

const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** The shell lines of a section of the readme; those of all of it without one. */
function readmeLines(heading?: string): string[] {
  const sections = readme.split(/^## /m);
  const text = sections.filter(
    (section) => heading === undefined || section.startsWith(`${heading}\n`),
  );
  return [...text.join('').matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block.trim().split('\n'),
  );
}
/** What has been run of it. */
const ran = new Set<string>();

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
const startByNpm = (): Run => {
  const line = readmeLines('Run it')[0]!;
  ran.add(line);
  // The packages are installed here.
  const [install, ...command] = line.split(' && ');
  expect([install, command]).toEqual(['npm ci', ['npm start']]);
  return start('sh', ['-c', `exec ${command[0]!} -- --port-base ${String(base)}`]);
};

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

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Waits to be reaped. */
  readonly ended: boolean;
}

/** All processes of this machine: from /proc, and by `ps` where there is none. */
async function processes(): Promise<Process[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=']);
    return stdout.split('\n').flatMap((line) => {
      const [, pid, parent, state] = /^\s*(\d+)\s+(\d+)\s+(\S)/.exec(line) ?? [];
      return pid ? [{ pid: Number(pid), parent: Number(parent), ended: state === 'Z' }] : [];
    });
  }
  const found: Process[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    // The command in it may hold spaces and brackets.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (parent) found.push({ pid: Number(entry), parent: Number(parent), ended: state === 'Z' });
  }
  return found;
}

/** The processes that descend from one, by their ids. */
async function descendants(pid: number): Promise<number[]> {
  const all = await processes();
  const found = new Set([pid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { pid: child, parent } of all) if (found.has(parent)) found.add(child);
  }
  return [...found].filter((id) => id !== pid);
}

async function stillThere(pids: readonly number[]): Promise<number[]> {
  const all = await processes();
  return all.filter(({ pid, ended }) => !ended && pids.includes(pid)).map(({ pid }) => pid);
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

/** The demonstration as the readme says, with its exit code and all that it says. */
async function demonstrate(): Promise<{ code: number | null; output: string }> {
  const line = readmeLines('Run it')[1]!;
  ran.add(line);
  const demo = spawn('sh', ['-c', line], {
    cwd: root,
    env: { PATH: process.env['PATH'], COUNTERSIGN_STATE_DIR: statePath },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const code = await new Promise<number | null>((resolve) => demo.once('close', resolve));
  return { code, output };
}

/** The permissions of the state folder and of the files in it. */
async function permissions(): Promise<Record<string, string>> {
  const entries = await readdir(statePath, { withFileTypes: true });
  const names = ['.', ...entries.filter((entry) => entry.isFile()).map(({ name }) => name)];
  const modes = await Promise.all(
    names.map(async (name) => ((await stat(join(statePath, name))).mode & 0o777).toString(8)),
  );
  return Object.fromEntries(names.map((name, index) => [name, modes[index]!]));
}

/** Runs the readme's commands for operators, in the folder of the run; the first ends with a healthy system. */
async function operateAsTheReadmeSays(): Promise<void> {
  const commands = readmeLines('Operate it');
  expect(commands).toHaveLength(3);
  const outputs: string[] = [];
  for (const command of commands) {
    expect(command).toMatch(/^npx countersign /);
    ran.add(command);
    // What npx would find: npm links the program on installing.
    const local = command.replace('npx countersign', './apps/identity/bin/countersign.js');
    const { stdout } = await promisify(execFile)('bash', ['-c', local], {
      cwd: root,
      env: { PATH: process.env['PATH'], COUNTERSIGN_STATE_DIR: statePath },
    });
    outputs.push(stdout);
  }
  expect(outputs[0]).toMatch(/^ok +service orders +1 instance\(s\), up to date$/m);
  expect(outputs[1]).toMatch(/^ended \d+ session\(s\)$/m);
  expect(outputs[2]).toMatch(/^would revoke tokens of EVERYBODY/m);
}

it('the embedded run: the printed walk works, Ctrl-C ends everything, data stays', async () => {
  const never = await demonstrate();
  expect(never.code).toBe(1);
  expect(never.output).toContain('start the system with "npm start" first');

  const run = startDirectly();
  await untilRunning(run);
  const started = await descendants(run.launcher.pid!);
  expect(started.length).toBeGreaterThan(5);

  const [, walk = ''] =
    /^A walk to copy and paste.*\n\n((?:.+\n)+)\nThe last answer/m.exec(run.output()) ?? [];
  const written = readmeLines('Walk through it');
  for (const line of written) ran.add(line);
  const here = written.join('\n').replace(':8080', `:${String(base + 80)}`);
  expect(`${here.replace('.countersign/', `${statePath}/`)}\n`).toBe(walk);
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

  const before = await permissions();
  const { '.': folder, ...files } = before;
  expect(folder).toBe('700');
  expect(new Set(Object.values(files))).toEqual(new Set(['600']));
  const demo = await demonstrate();
  expect(demo).toMatchObject({ code: 0 });
  expect(demo.output).not.toContain('comes with');
  expect(demo.output.match(/^\d+ {1,2}\S.*/gm)).toEqual([
    expect.stringMatching(/1 {2}Log in +an opaque cookie +a token +the same token/),
    expect.stringMatching(/2 {2}Read +let in \(200\) +let in +let in \(200\)/),
    expect.stringMatching(/3 {2}No credentials +turned away \(401 credentials_required\) /),
    expect.stringMatching(/4 {2}Tampered with +turned away \(401 session_ended\) .*bad_signature/),
    expect.stringMatching(/5 {2}Log out +ended in the store \(20[02]\) +nobody tells it +told to/),
    expect.stringMatching(
      /6 {2}The old one again +turned away \(401 session_ended\) +STILL LET IN, for .*\(401 revoked\)/,
    ),
    expect.stringMatching(/7 {2}Remember +.* kept for 30 days; .* dies with its browser/),
    expect.stringMatching(/8 {2}My devices +phone, tablet, laptop \(this one\)/),
    expect.stringMatching(/9 {2}Log out everywhere +all three turned away within \d+ ms/),
    expect.stringMatching(/10 Refresh replay .*: 401 refresh_token_replayed; .*: 401 revoked/),
  ]);
  // The session column is the gateway's answer: it asked identity for each request that brought a cookie.
  const metrics = await (await fetch(`http://localhost:${base + 81}/metrics`)).text();
  const [, swapped] =
    /^countersign_gateway_swaps_total\{outcome="swapped"\} (\d+)$/m.exec(metrics) ?? [];
  expect(Number(swapped)).toBeGreaterThanOrEqual(1);
  expect(await permissions()).toEqual(before);

  expect(await logIn()).toBe(200);
  await operateAsTheReadmeSays();

  run.launcher.kill('SIGINT');
  expect(await endsWithin(run, 20_000)).toBe(0);
  expect(run.output()).not.toContain('by force');
  // The shell that watches over the processes ends by itself when the launcher is gone.
  expect(await allGoneWithin(started, 5_000)).toBe(true);
  const late = await demonstrate();
  expect(late.code).toBe(1);
  expect(late.output).toContain('start the system with "npm start" first');
});

it('a run by npm, ended as a terminal does, whose data is that of the run before', async () => {
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
  expect(await allGoneWithin(started, 20_000)).toBe(true);
});

it('a run that is killed leaves nothing running and loses nothing', async () => {
  const killed = startDirectly();
  await untilRunning(killed);
  const started = await descendants(killed.launcher.pid!);
  killed.launcher.kill('SIGKILL');
  await killed.exited;

  const next = startDirectly();
  await untilRunning(next);
  for (let n = 0; n < 200 && (await stillThere(started)).length > 0; n += 1) await sleep(100);
  expect(await stillThere(started)).toEqual([]);
  expect(await logIn()).toBe(200);
  next.launcher.kill('SIGINT');
  expect(await endsWithin(next, 20_000)).toBe(0);
  expect(await areFree(base)).toBe(true);
});

it('every command of the readme was run here, but for the one that runs all tests', () => {
  const [, tests = ''] = /<!-- test line -->([^]*?)<!-- end -->/.exec(readme) ?? [];
  const left = readmeLines().filter((line) => !ran.has(line));
  // .ci/run takes it from between the markers.
  expect(left).toEqual(['npm ci && npm run test:setup && npm test']);
  expect(tests).toContain(left[0]);
  expect(readmeLines().length).toBeGreaterThan(12);
});
