import {
  findPortHolder,
  isPortFree,
  removeEmbeddedPostgresData,
} from '@countersign/embedded-postgres';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runEmbedded, StopRequested } from './embedded-run.js';
import { choosePorts, type Ports } from './ports.js';
import type { Terminal } from './terminal.js';

/** Stands for every service: answers on its management port, and writes down when it starts and stops. */
const fakeService = `
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { MANAGEMENT_PORT, OPERATOR_PORT, CLIENT_ID = 'identity', HOME } = process.env;
const note = (what) => appendFileSync(HOME + '/events', CLIENT_ID + ' ' + what + '\\n');
const misbehave = process.env.LOG_LEVEL === 'trace' && CLIENT_ID === 'orders';
createServer((request, response) => {
  if (request.url === '/die') process.exit(7);
  response.end(JSON.stringify(process.env));
}).listen(Number(MANAGEMENT_PORT ?? OPERATOR_PORT), '127.0.0.1');
note('starts');
console.log(JSON.stringify({ level: 'info', time: '1970-01-01T00:00:00.000Z', msg: 'hello from ' + CLIENT_ID }));
process.on('SIGTERM', () => { if (!misbehave) { note('stops'); process.exit(0); } });
`;

/** Stands for identity's commands. */
const fakeCli = `
import { appendFileSync, readFileSync } from 'node:fs';
const input = process.argv[2] === 'accounts' ? readFileSync(0, 'utf8') : '';
appendFileSync(process.env.HOME + '/events', 'cli ' + process.argv.slice(2).join(' ') + ' ' + input.length + '\\n');
if (process.argv[2] === 'operators') console.log(JSON.stringify({ token: 'embedded.secret' }));
`;

const operatorCommand =
  'cli operators add embedded --replace --role read end-sessions keys --json 0';

let root: string;
let base: number;
let ports: Ports;
let ending: AbortController;
let hurry: AbortController;
let printed: string[];
const terminal: Terminal = {
  print: (text) => void printed.push(text),
  log: (source, line) => void printed.push(`${source}: ${line}`),
  warn: (text) => void printed.push(text),
  step: async (title, run) => {
    const result = await run((detail) => void printed.push(detail));
    printed.push(title);
    return result;
  },
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'countersign-run-'));
  for (const app of ['identity', 'orders', 'payments', 'gateway']) {
    await mkdir(join(root, 'apps', app, 'dist'), { recursive: true });
    await writeFile(join(root, 'apps', app, 'dist', 'main.js'), fakeService);
  }
  await writeFile(join(root, 'apps', 'identity', 'dist', 'cli.js'), fakeCli);
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
  await writeFile(join(root, 'events'), '');
  base = await findFreeBase();
  ports = choosePorts(base);
  ending = new AbortController();
  hurry = new AbortController();
  printed = [];
});

afterEach(async () => {
  await removeEmbeddedPostgresData(join(root, '.countersign', 'postgres'));
  await rm(root, { recursive: true, force: true });
});

/** Where no other spec looks for free ports, above those of `freePorts` and below those of the e2e spec of the same name. */
async function findFreeBase(): Promise<number> {
  for (let candidate = 16_200 + (process.pid % 40) * 100; ; candidate += 100) {
    const free = await Promise.all(
      Object.values(choosePorts(candidate) as unknown as Record<string, number>).map((port) =>
        isPortFree(port),
      ),
    );
    if (free.every(Boolean)) return candidate;
  }
}

function start(env: Record<string, string> = {}): Promise<number> {
  return runEmbedded({
    args: ['--port-base', String(base)],
    env: { PATH: process.env['PATH'], HOME: root, ...env },
    projectRoot: root,
    terminal,
    ending,
    hurry: hurry.signal,
  });
}

async function untilRunning(run: Promise<number>): Promise<void> {
  void run.catch(() => undefined);
  while (!printed.join('\n').includes('Countersign is running')) {
    if (ending.signal.aborted) throw new Error(`it did not start:\n${printed.join('\n')}`);
    await sleep(20);
  }
}

async function events(): Promise<string[]> {
  return (await readFile(join(root, 'events'), 'utf8')).trim().split('\n');
}

const state = (...parts: string[]) => join(root, '.countersign', ...parts);

async function everythingIsGone(): Promise<boolean> {
  const holders = await Promise.all(
    Object.values(ports as unknown as Record<string, number>).map(findPortHolder),
  );
  return holders.every((holder) => holder === undefined);
}

describe('the embedded run', () => {
  it('starts in order, and stops the other way round', async () => {
    const run = start();
    await untilRunning(run);
    const address = JSON.parse(await readFile(state('run.json'), 'utf8')) as unknown;
    expect(address).toEqual({
      issuer_url: `http://localhost:${ports.gateway}`,
      operator_url: `http://127.0.0.1:${ports.identityOperator}`,
      pid: process.pid,
    });
    expect(await readFile(state('operator-token'), 'utf8')).toBe('embedded.secret\n');
    expect((await stat(state('operator-token'))).mode & 0o777).toBe(0o600);
    expect((await stat(state('demo.json'))).mode & 0o777).toBe(0o600);
    expect(printed.join('\n')).toContain('hello from payments');

    ending.abort(new StopRequested());
    expect(await run).toBe(0);
    const happened = await events();
    expect(happened.slice(0, 5)).toEqual([
      'cli migrate 0',
      'cli accounts add --email customer@example.test --role customer 25',
      'cli accounts add --email support@example.test --role support 25',
      operatorCommand,
      'identity starts',
    ]);
    expect(happened.slice(5, 7).sort()).toEqual(['orders starts', 'payments starts']);
    expect(happened.slice(7, 9)).toEqual(['gateway starts', 'gateway stops']);
    expect(happened.slice(9, 11).sort()).toEqual(['orders stops', 'payments stops']);
    expect(happened.slice(11)).toEqual(['identity stops']);
    expect(await everythingIsGone()).toBe(true);
    await expect(readFile(state('run.json'))).rejects.toThrow(/ENOENT/);
  });

  it('makes demo accounts once, and lets one run at a time use its state', async () => {
    const first = start();
    await untilRunning(first);
    const second = await runEmbedded({
      args: ['--port-base', String(base + 100)],
      env: { HOME: root },
      projectRoot: root,
      terminal,
      ending: new AbortController(),
      hurry: hurry.signal,
    });
    expect(second).toBe(1);
    expect(printed.join('\n')).toContain(`in use by process ${process.pid}`);
    // By it the command line finds the first one still.
    expect(JSON.parse(await readFile(state('run.json'), 'utf8'))).toHaveProperty('operator_url');
    ending.abort(new StopRequested());
    await first;

    ending = new AbortController();
    printed = [];
    await writeFile(join(root, 'events'), '');
    const third = start();
    await untilRunning(third);
    ending.abort(new StopRequested());
    expect(await third).toBe(0);
    expect((await events()).filter((line) => line.startsWith('cli'))).toEqual([
      'cli migrate 0',
      operatorCommand,
    ]);
  });

  it('stops everything when a service ends unasked', async () => {
    const run = start();
    await untilRunning(run);
    await fetch(`http://127.0.0.1:${ports.paymentsManagement}/die`).catch(() => undefined);
    expect(await run).toBe(1);
    expect(printed.join('\n')).toContain('payments ended with code 7');
    expect(await everythingIsGone()).toBe(true);
  });

  it('ends a service by force that does not stop, at once when hurried', async () => {
    const run = start({ LOG_LEVEL: 'trace' });
    await untilRunning(run);
    ending.abort(new StopRequested());
    await sleep(500);
    const before = performance.now();
    hurry.abort();
    expect(await run).toBe(0);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(printed.join('\n')).toContain('orders has not stopped yet; ending it by force');
    expect(await everythingIsGone()).toBe(true);
  });

  it('says what a service says when it cannot start, and stops', async () => {
    const main = join(root, 'apps', 'orders', 'dist', 'main.js');
    await writeFile(main, 'console.error("PORT is required"); process.exit(1);');
    expect(await start()).toBe(1);
    expect(printed.join('\n')).toContain('orders: PORT is required');
    expect(printed.join('\n')).toContain('orders ended with code 1');
    expect(await everythingIsGone()).toBe(true);
  });

  it('can be stopped while it starts', async () => {
    const run = start();
    while (!(await events()).some((line) => line.startsWith('cli migrate'))) await sleep(10);
    ending.abort(new StopRequested());
    expect(await run).toBe(0);
    expect(await everythingIsGone()).toBe(true);
  });

  it('touches nothing when a port is taken', async () => {
    const holder = createServer().listen(ports.orders, '127.0.0.1');
    try {
      expect(await start()).toBe(1);
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
    expect(printed.join('\n')).toContain(
      `${ports.orders} (orders) is taken by process ${process.pid}`,
    );
    expect(await events()).toEqual(['']);
  });

  it('uses the database it is given, which needs a key to go with it', async () => {
    const env = { DATABASE_URL: 'postgres://me@db.example.test/shop' };
    expect(await start(env)).toBe(1);
    expect(printed.join('\n')).toContain('set MASTER_KEY_FILE');

    ending = new AbortController();
    const run = start({ ...env, MASTER_KEY_FILE: '/keys/master' });
    await untilRunning(run);
    const response = await fetch(`http://127.0.0.1:${ports.identityOperator}/`);
    expect(await response.json()).toMatchObject({ ...env, MASTER_KEY_FILE: '/keys/master' });
    ending.abort(new StopRequested());
    expect(await run).toBe(0);
    expect((await events()).filter((line) => line.startsWith('cli'))).toEqual(['cli migrate 0']);
    await expect(readFile(state('demo.json'))).rejects.toThrow(/ENOENT/);
  });
});
