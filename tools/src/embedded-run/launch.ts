import { join, resolve } from 'node:path';
import { type Child, startChild } from './child-process.js';
import {
  childEnvironments,
  type ChildEnvironments,
  issuerUrl,
  operatorUrl,
} from './child-environments.js';
import { startOwnDatabase } from './database.js';
import { ensureDemoAccounts } from './demo-accounts.js';
import { renewOperator } from './operator.js';
import { requireFreePorts } from './port-check.js';
import type { Ports } from './ports.js';
import { waitUntilReady } from './readiness.js';
import { type CommandResult, runCommand } from './run-command.js';
import type { RunningParts } from './running-parts.js';
import { StartFailure } from './start-failure.js';
import { openStateFolder, replace, type StateFolder } from './state-folder.js';
import type { Terminal } from './terminal.js';

export interface LaunchContext {
  readonly projectRoot: string;
  readonly statePath: string;
  readonly ports: Ports;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly parts: RunningParts;
  /** Aborted when somebody asks to stop. */
  readonly ending: AbortSignal;
  /** Ends the run because something that must run has ended. */
  readonly fail: (why: string) => void;
}

export interface Launched {
  readonly state: StateFolder;
  /** Undefined with a database that is not ours. */
  readonly demoFile: string | undefined;
}

/**
 * Starts everything, one step after the other; resolves when the gateway listens. What it started is in
 * `context.parts`, also when it throws.
 *
 * @throws {StartFailure} and what the steps throw; the reason of `context.ending` when that is aborted.
 */
export async function launch(context: LaunchContext): Promise<Launched> {
  const { terminal, ports, ending } = context;
  const state = await terminal.step(`state folder ${context.statePath}`, () =>
    openStateFolder(context.statePath),
  );
  await terminal.step('ports are free', (tell) =>
    requireFreePorts(ports, context.projectRoot, tell),
  );
  const database = await chooseDatabase(context, state);
  ending.throwIfAborted();

  const environments = childEnvironments({
    ports,
    databaseUrl: database.url,
    masterKeyFile: database.masterKeyFile,
    relyingServicesFile: state.relyingServicesFile,
    secretFiles: state.secretFiles,
    mailFolder: state.mailFolder,
    inherited: context.env,
  });
  await migrate(context, environments.identity);
  const { dataId } = database;
  if (dataId !== undefined) {
    await terminal.step('demo accounts', () =>
      ensureDemoAccounts(state.path, dataId, (email, role, password) =>
        identityCli(
          context,
          environments.identity,
          ['accounts', 'add', '--email', email, '--role', role],
          `${password}\n`,
        ),
      ),
    );
  }
  if (dataId !== undefined) {
    await terminal.step('operator', () =>
      renewOperator(state.operatorTokenFile, (args) =>
        identityCli(context, environments.identity, args),
      ),
    );
  }
  await startServices(context, environments);
  const run = { issuer_url: issuerUrl(ports), operator_url: operatorUrl(ports), pid: process.pid };
  await replace(join(state.path, 'run.json'), `${JSON.stringify(run)}\n`);
  return { state, demoFile: dataId === undefined ? undefined : join(state.path, 'demo.json') };
}

interface ChosenDatabase {
  readonly url: string;
  readonly masterKeyFile: string;
  /** Of our own database only. */
  readonly dataId: string | undefined;
}

async function chooseDatabase(context: LaunchContext, state: StateFolder): Promise<ChosenDatabase> {
  const { DATABASE_URL: url, MASTER_KEY_FILE: keyFile } = context.env;
  if (url) return { url, masterKeyFile: requireMasterKeyFile(keyFile), dataId: undefined };
  const { terminal, ports, parts, fail } = context;
  const own = await terminal.step(`Postgres on port ${ports.postgres}`, (tell) =>
    startOwnDatabase(state, ports.postgres, terminal, {
      tell,
      onExit: (code) =>
        fail(`Postgres ended (code ${code ?? 'none'}); see ${state.path}/postgres.log.`),
    }),
  );
  parts.add({
    name: 'postgres',
    pid: own.server.pid,
    stopSignal: 'SIGINT',
    stop: () => own.server.stop(),
  });
  return { url: own.url, masterKeyFile: state.masterKeyFile, dataId: own.dataId };
}

export function requireMasterKeyFile(file: string | undefined): string {
  if (file) return resolve(file);
  throw new StartFailure(
    'DATABASE_URL is set, so the database is yours, and so is the key that seals secrets in it: set MASTER_KEY_FILE ' +
      'to a file with one "<id> <base64url of 32 random bytes>" per line, and keep that file as safe as the data. ' +
      'To make one:\n' +
      `  (umask 077; node -p '"key-1 " + crypto.randomBytes(32).toString("base64url")' > master-keys)`,
  );
}

async function migrate(context: LaunchContext, env: ChildEnvironments['identity']): Promise<void> {
  await context.terminal.step('database schema', async (tell) => {
    const { code, output } = await identityCli(context, env, ['migrate']);
    if (code !== 0) throw new StartFailure(`The database schema could not be made:\n${output}`);
    if (output !== '') tell(output);
  });
}

async function startServices(context: LaunchContext, env: ChildEnvironments): Promise<void> {
  const { ports } = context;
  await startGroup(context, [
    { name: 'identity', env: env.identity, management: ports.identityOperator },
  ]);
  await startGroup(context, [
    { name: 'orders', env: env.orders, management: ports.ordersManagement },
    { name: 'payments', env: env.payments, management: ports.paymentsManagement },
  ]);
  await startGroup(context, [
    { name: 'gateway', env: env.gateway, management: ports.gatewayManagement },
  ]);
}

interface Service {
  readonly name: 'identity' | 'orders' | 'payments' | 'gateway';
  readonly env: Readonly<Record<string, string>>;
  /** Port of its management listener. */
  readonly management: number;
}

async function startGroup(context: LaunchContext, services: readonly Service[]): Promise<void> {
  const { terminal, parts, ending } = context;
  ending.throwIfAborted();
  const names = services.map(({ name }) => name).join(' and ');
  await terminal.step(`${names} ready`, async () => {
    const children = services.map((service) => startService(context, service));
    parts.add(...children);
    await Promise.all(
      services.map(({ name, management }) => waitUntilReady(name, management, ending)),
    );
  });
}

function startService(context: LaunchContext, { name, env }: Service): Child {
  const { projectRoot, terminal, fail } = context;
  const main = join(projectRoot, 'apps', name, 'dist', 'main.js');
  const child = startChild({ name, args: [main], env, cwd: projectRoot }, terminal);
  void child.ended.then((how) => fail(`${name} ${how}. Its last lines, above, may say why.`));
  return child;
}

function identityCli(
  { projectRoot, ending }: LaunchContext,
  env: ChildEnvironments['identity'],
  args: readonly string[],
  input?: string,
): Promise<CommandResult> {
  const cli = join(projectRoot, 'apps', 'identity', 'dist', 'cli.js');
  const command = { name: 'identity cli', args: [cli, ...args], env, cwd: projectRoot };
  return runCommand(command, ending, input);
}
