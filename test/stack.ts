import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { watchOverChildren } from '@countersign/embedded-postgres';
import { startThrowAwayPostgres } from '@countersign/test-kit';
import type { ThrowAwayPostgres } from '@countersign/test-kit';
import { freePorts } from '../apps/identity/test/free-ports.js';
import pg from 'pg';

export { freePorts };

const root = fileURLToPath(new URL('..', import.meta.url));
const program = (app: string, file = 'main.js') => join(root, 'apps', app, 'dist', file);
/** Holds what identity answers against its OpenAPI documents. */
const WATCH = join(root, 'apps/identity/test/watch-identity.mjs');

export type App = 'identity' | 'orders' | 'payments' | 'gateway';
const APPS: readonly App[] = ['identity', 'orders', 'payments', 'gateway'];

/** Settings of identity for who tries as often as a test does: limits that nobody reaches. */
export const NO_LIMITS_REACHED = {
  SIGN_IN_FREE_FAILURES: '1000000',
  SIGN_IN_FAILURES_PER_ADDRESS: '1000000/60',
  SIGN_IN_FAILURES_PER_NETWORK: '1000000/60',
  SIGN_IN_FAILURES_IN_ALL: '1000000/60',
  PASSWORD_CHECKS_PER_ACCOUNT: '1000000/60',
  RIGHT_PASSWORDS: '1000000/60',
  MESSAGES_PER_EMAIL: '1000000/60',
  MESSAGES_PER_ADDRESS: '1000000/60',
  MESSAGES_PER_NETWORK: '1000000/60',
  MESSAGES_IN_ALL: '1000000/60',
  EMAIL_TOKEN_FAILURES_PER_ADDRESS: '1000000/60',
  REFRESHES_PER_ADDRESS: '1000000/60',
  SESSIONS_PER_ACCOUNT: '1000000',
  REFRESHES_PER_NETWORK: '1000000/60',
  REQUESTS_PER_ADDRESS: '1000000/60',
  REQUESTS_PER_NETWORK: '1000000/60',
  CLIENT_FAILURES_PER_CLIENT: '1000000/60',
  CLIENT_FAILURES_PER_ADDRESS: '1000000/60',
};

/** One process of the built output. */
export interface Running {
  readonly child: ChildProcess;
  /** Everything it has written so far. */
  output(): string;
  /** The same of one stream. */
  written(stream: 'stdout' | 'stderr'): string;
  /** Sends a signal and waits for the end. @returns exit code (`null` after a signal) and the time it took */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; ms: number }>;
}

/** How a command of the command line ended, and what it wrote. */
export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Ends what a test file leaves running, as when the start of a stack took longer than a hook may, together with its worker. */
const watch = watchOverChildren();

/** Runs a built program. Its output is kept, never shown. */
export function run(
  file: string,
  env: Record<string, string>,
  args: string[] = [],
  input?: string,
  nodeOptions: string[] = [],
): Running {
  const child = spawn(process.execPath, [...nodeOptions, file, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const written: ['stdout' | 'stderr', string][] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => written.push([stream, text]));
  }
  child.stdin.end(input ?? '');
  const { pid } = child;
  if (pid !== undefined) {
    watch.add(pid, 'SIGTERM');
    child.once('exit', () => watch.remove(pid));
  }
  const exited = once(child, 'close');
  return {
    child,
    output: () => written.map(([, text]) => text).join(''),
    written: (stream) =>
      written.flatMap(([from, text]) => (from === stream ? [text] : [])).join(''),
    async end(signal) {
      const start = performance.now();
      if (signal && child.exitCode === null) child.kill(signal);
      await exited;
      return { code: child.exitCode, ms: performance.now() - start };
    },
  };
}

/** How one more process of an application differs from the first. */
export interface Variant {
  readonly name?: string;
  readonly env?: Record<string, string>;
}

/** The database role of identity, which owns nothing. */
const SERVICE_ROLE = 'identity_service';

/** Every listener of every process. */
export const LISTENERS = [
  'gateway',
  'gatewayManagement',
  'public',
  'service',
  'operator',
  'identityManagement',
  'orders',
  'ordersManagement',
  'payments',
  'paymentsManagement',
] as const;

/**
 * A whole installation on loopback: Postgres and the built services, each a process of its own. As in production, identity may do no more
 * in the database than it needs; `postgres.url` is that of the owner.
 */
export class Stack {
  readonly #running = new Map<string, Running>();
  readonly #ended: string[] = [];
  readonly #known: string[] = [];

  private constructor(
    readonly postgres: ThrowAwayPostgres,
    readonly folder: string,
    readonly ports: Readonly<Record<string, number>>,
    readonly clientSecrets: Readonly<Record<string, string>>,
    /** With the role of the service. */
    readonly databaseUrl: string,
    private readonly more: Record<string, string>,
  ) {}

  /**
   * Prepares everything and starts `apps`, waiting until they are ready.
   *
   * @param more settings for every process
   * @param programs of another Postgres, see {@link startThrowAwayPostgres}
   */
  static async start(
    apps: readonly App[] = APPS,
    more: Record<string, string> = {},
    programs?: string,
  ): Promise<Stack> {
    const postgres = await startThrowAwayPostgres(programs);
    const folder = mkdtempSync(join(tmpdir(), 'countersign-stack-'));
    const ports = Object.fromEntries(
      (await freePorts(LISTENERS.length)).map((port, index) => [LISTENERS[index]!, port]),
    );
    const secrets = Object.fromEntries(
      ['orders', 'payments', 'gateway'].map((id) => [id, randomBytes(32).toString('base64url')]),
    );
    const databaseUrl = await addServiceRole(postgres);
    const stack = new Stack(postgres, folder, ports, secrets, databaseUrl, more);
    stack.#writeFiles();
    const owner = { MIGRATION_DATABASE_URL: postgres.url };
    const migrated = await stack.cli(['migrate', '--grant-to', SERVICE_ROLE], owner);
    if (migrated.code !== 0) throw new Error(`the migration failed: ${migrated.err}`);
    for (const app of apps) await stack.startApp(app);
    return stack;
  }

  url(name: string, path = ''): string {
    return `http://localhost:${String(this.ports[name])}${path}`;
  }

  get mailDir(): string {
    return join(this.folder, 'mail');
  }

  /** The environment of one process. */
  env(app: App): Record<string, string> {
    const everywhere = {
      ISSUER_URL: this.url('gateway'),
      LOG_FORMAT: 'json',
      LOG_LEVEL: 'trace',
      ...this.more,
    };
    if (app === 'identity') {
      return {
        SERVICE_URL: this.url('service'),
        DATABASE_URL: this.databaseUrl,
        MASTER_KEY_FILE: join(this.folder, 'master-keys'),
        RELYING_SERVICES_FILE: join(this.folder, 'relying-services.json'),
        MAIL_DIR: this.mailDir,
        PUBLIC_PORT: String(this.ports['public']),
        SERVICE_PORT: String(this.ports['service']),
        OPERATOR_PORT: String(this.ports['operator']),
        MANAGEMENT_PORT: String(this.ports['identityManagement']),
        TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
        ARGON2_MEMORY_KIB: '19456',
        ARGON2_PASSES: '2',
        ...NO_LIMITS_REACHED,
        ...everywhere,
      };
    }
    return {
      DISCOVERY_URL: this.url('service', '/.well-known/oauth-authorization-server'),
      CLIENT_ID: app,
      CLIENT_SECRET_FILE: join(this.folder, `secret-${app}`),
      PORT: String(this.ports[app]),
      MANAGEMENT_PORT: String(this.ports[`${app}Management`]),
      IDENTITY_URL: this.url('public'),
      ORDERS_URL: this.url('orders'),
      PAYMENTS_URL: this.url('payments'),
      ...everywhere,
    };
  }

  /** Starts one process and waits until it says that it is ready. */
  async startApp(app: App, variant: Variant = {}): Promise<Running> {
    const running = this.launch(app, variant);
    const env = { ...this.env(app), ...variant.env };
    const port = env[app === 'identity' ? 'OPERATOR_PORT' : 'MANAGEMENT_PORT']!;
    await until(async () => {
      if (running.child.exitCode !== null) throw new Error(`${app} ended: ${running.output()}`);
      return (await fetch(`http://localhost:${port}/health/ready`)).ok;
    }, 180_000);
    return running;
  }

  /** Starts one process and waits for nothing. */
  launch(app: App, { name = app, env = {} }: Variant = {}): Running {
    const options = app === 'identity' ? ['--import', WATCH] : [];
    const running = run(program(app), { ...this.env(app), ...env }, [], undefined, options);
    this.#running.set(name, running);
    return running;
  }

  /** A process by its name, which is that of its application unless it was given another. */
  running(name: string): Running {
    const running = this.#running.get(name);
    if (!running) throw new Error(`${name} does not run`);
    return running;
  }

  /** Of a process that runs. */
  pidOf(name: string): number | undefined {
    return this.#running.get(name)?.child.pid;
  }

  async endApp(name: string, signal: NodeJS.Signals = 'SIGTERM') {
    const running = this.running(name);
    this.#running.delete(name);
    const result = await running.end(signal);
    this.#ended.push(running.output());
    return result;
  }

  /** Makes a verified account through registration and its message, and remembers its secrets. */
  async addAccount(email: string, password = `pw-${randomBytes(9).toString('base64url')}`) {
    const seen = this.messagesTo(email).length;
    await expectStatus(202, post(this.url('public', '/auth/register'), { email }));
    const token = await this.tokenSentTo(email, seen);
    await expectStatus(200, post(this.url('public', '/auth/email/verify'), { token, password }));
    this.#known.push(email, password, token);
    return { email, password };
  }

  /** Makes an account on the command line, as an operator would. */
  async addAccountAs(
    role: string,
    email: string,
    password = `pw-${randomBytes(9).toString('base64url')}`,
  ) {
    const args = ['accounts', 'add', '--email', email, '--role', role];
    const { code } = await run(
      program('identity', 'cli.js'),
      this.env('identity'),
      args,
      `${password}\n`,
    ).end();
    if (code !== 0) throw new Error('the account was not made');
    this.#known.push(email, password);
    return { email, password };
  }

  /** Runs the command line. `env` is added to nothing but what a program needs to run. */
  async cli(args: string[], env: Record<string, string>, input?: string): Promise<CliResult> {
    const running = run(program('identity', 'cli.js'), env, args, input);
    const { code } = await running.end();
    return { code, out: running.written('stdout'), err: running.written('stderr') };
  }

  /** Makes an operator on the command line. @returns their token */
  async addOperator(name: string, roles: readonly string[]): Promise<string> {
    const args = ['operators', 'add', name, '--role', ...roles];
    const { code, out, err } = await this.cli(args, this.env('identity'));
    if (code !== 0) throw new Error(`the operator was not made: ${err}`);
    const token = out.trim();
    this.#known.push(token, token.split('.')[1]!);
    return token;
  }

  /** Remembers a secret that was given out some other way. */
  know(secret: string): void {
    this.#known.push(secret);
  }

  /** Signs in through the gateway when it runs. */
  async signIn(account: { email: string; password: string }): Promise<string> {
    const at = this.#running.has('gateway') ? 'gateway' : 'public';
    const answer = await expectStatus(200, post(this.url(at, '/auth/login'), account));
    const { access_token: token } = (await answer.json()) as { access_token: string };
    this.#known.push(token, token.split('.')[2]!);
    return token;
  }

  /**
   * The token in a message to an address; waits for one.
   *
   * @param seen how many messages to it there were before
   */
  async tokenSentTo(email: string, seen = 0): Promise<string> {
    let token: string | undefined;
    await until(() => {
      const all = this.messagesTo(email);
      const fresh = all.slice(0, all.length - seen);
      token = fresh
        .map((message) => /^ {2}([\w-]{43})$/m.exec(message)?.[1])
        .find((found) => found !== undefined);
      return token !== undefined;
    }, 60_000);
    return token!;
  }

  /** The messages to an address so far, newest first. */
  messagesTo(email: string): string[] {
    return readdirSync(this.mailDir)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .reverse()
      .map((name) => readFileSync(join(this.mailDir, name), 'utf8'))
      .filter((message) => message.startsWith(`To: ${email}\n`));
  }

  /** Everything that any process has written so far. */
  logs(): string {
    return [...this.#ended, ...[...this.#running.values()].map((running) => running.output())].join(
      '\n',
    );
  }

  /** The last so many lines of each running process. */
  lastLines(count: number): string[] {
    return [...this.#running.entries()].flatMap(([name, running]) =>
      running
        .output()
        .trimEnd()
        .split('\n')
        .slice(-count)
        .map((line) => `${name}: ${line}`),
    );
  }

  /** Every secret that was given out or used so far, also the ones of the installation. */
  secrets(): readonly string[] {
    const masterKey = readFileSync(join(this.folder, 'master-keys'), 'utf8').split(/\s+/)[1]!;
    const databases = [this.databaseUrl, this.postgres.url].map((url) => new URL(url).password);
    return [...this.#known, ...Object.values(this.clientSecrets), masterKey, ...databases];
  }

  /** @throws {Error} when an answer was not as documented */
  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()].reverse()) await this.endApp(name);
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
    this.#requireDocumentedAnswers();
  }

  /** Whoever asked: a test, a gateway, a browser, a service. */
  #requireDocumentedAnswers(): void {
    const faults = this.logs().match(/^not as documented: .*$/gm) ?? [];
    if (faults.length > 0) throw new Error([...new Set(faults)].sort().join('\n'));
  }

  #writeFiles(): void {
    const write = (name: string, text: string) =>
      writeFileSync(join(this.folder, name), text, { mode: 0o600 });
    mkdirSync(this.mailDir, { mode: 0o700 });
    write('master-keys', `k1 ${randomBytes(32).toString('base64url')}\n`);
    for (const [id, secret] of Object.entries(this.clientSecrets)) write(`secret-${id}`, secret);
    const declared = Object.entries(this.clientSecrets).map(([id, secret]) => ({
      id,
      audience: id === 'gateway' ? null : id,
      secret_sha256: createHash('sha256').update(secret).digest('hex'),
    }));
    write('relying-services.json', JSON.stringify(declared));
  }
}

/** @returns the URL of the installation's database for a new role without any rights */
async function addServiceRole(postgres: ThrowAwayPostgres): Promise<string> {
  const url = new URL(postgres.url);
  url.username = SERVICE_ROLE;
  url.password = randomBytes(16).toString('hex');
  const admin = new pg.Client(postgres.adminUrl);
  await admin.connect();
  await admin.query(`CREATE ROLE ${SERVICE_ROLE} LOGIN PASSWORD '${url.password}'`);
  await admin.end();
  return url.toString();
}

export function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export async function expectStatus(status: number, answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (response.status !== status) {
    throw new Error(
      `expected ${String(status)}, got ${String(response.status)}: ${await response.text()}`,
    );
  }
  return response;
}

/** Waits until `condition` holds; an error in it counts as "not yet", except the last. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  ms: number,
): Promise<void> {
  const limit = performance.now() + ms;
  for (;;) {
    let fault: unknown;
    try {
      if (await condition()) return;
    } catch (error) {
      fault = error;
    }
    if (performance.now() > limit) throw new Error('it did not happen in time', { cause: fault });
    await delay(20);
  }
}

/**
 * Looks at what a command of the command line said of a revocation: that all have applied it, or that this was not known in the
 * two seconds that are waited for receipts, as on a machine that is busy. That is over when `isOver` says so.
 */
export async function expectApplied(said: string, isOver: () => Promise<boolean>): Promise<void> {
  if (!said.includes('applied by every live instance')) {
    expect(said).toContain('not known to be applied everywhere yet');
    await until(isOver, 30_000);
  }
  expect(await isOver()).toBe(true);
}
