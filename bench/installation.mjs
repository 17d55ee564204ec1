// A whole installation on loopback for one benchmark: Postgres, the built services, and Redis if asked for.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startThrowAwayPostgres, startThrowAwayRedis } from '@countersign/test-kit';
import { onCore } from './cores.mjs';

const SERVICES = ['orders', 'payments'];
/** The gateway is declared too; it is no audience. */
const DECLARED = [...SERVICES, 'gateway'];
const ACCOUNT = { email: 'ann@example.test', password: 'a password for benchmarks' };
/** So many sign-ins from one address are what a benchmark is, and would be refused. */
const NO_LIMITS_REACHED = {
  SIGN_IN_FREE_FAILURES: '1000000',
  SIGN_IN_FAILURES_PER_ADDRESS: '1000000/60',
  SIGN_IN_FAILURES_PER_NETWORK: '1000000/60',
  SIGN_IN_FAILURES_IN_ALL: '1000000/60',
  RIGHT_PASSWORDS: '1000000/60',
  REFRESHES_PER_ADDRESS: '1000000/60',
  SESSIONS_PER_ACCOUNT: '1000000',
  REFRESHES_PER_NETWORK: '1000000/60',
  REQUESTS_PER_ADDRESS: '1000000/60',
  REQUESTS_PER_NETWORK: '1000000/60',
};
const program = (app, file = 'main.js') =>
  fileURLToPath(new URL(`../apps/${app}/dist/${file}`, import.meta.url));

/**
 * @param options.redis whether revocations go through Redis too
 * @param options.identity more settings of identity
 * @param options.identityFlags more flags of node for identity
 * @param options.identityCore the core that identity and what it starts run on; undefined: any
 * @param options.services which of the services to start; the gateway is one here
 * @param options.serviceSettings more settings of these
 * @param options.detour given the port that services would connect to for revocations, gives another that leads there
 */
export async function startInstallation({
  redis: withRedis = false,
  detour = (port) => port,
  identity: settings = {},
  identityFlags = [],
  identityCore,
  services = SERVICES,
  serviceSettings = {},
} = {}) {
  const postgres = await startThrowAwayPostgres();
  const redis = withRedis ? await startThrowAwayRedis() : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  const [gateway, identity, service, operator, ...others] = await freePorts(9);
  const ports = { gateway, identity, service, operator, orders: others[0], payments: others[1] };
  const management = { orders: others[2], payments: others[3], gateway: others[4] };
  const secrets = Object.fromEntries(
    DECLARED.map((id) => [id, randomBytes(32).toString('base64url')]),
  );
  const write = (name, text) => writeFile(join(folder, name), text, { mode: 0o600 });
  await mkdir(join(folder, 'mail'), { mode: 0o700 });
  await write('master-keys', `k1 ${randomBytes(32).toString('base64url')}\n`);
  for (const id of DECLARED) await write(`secret-${id}`, secrets[id]);
  const declared = DECLARED.map((id) => ({
    id,
    audience: id === 'gateway' ? null : id,
    secret_sha256: createHash('sha256').update(secrets[id]).digest('hex'),
  }));
  await write('relying-services.json', JSON.stringify(declared));

  const everywhere = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    ISSUER_URL: `http://localhost:${gateway}`,
    LOG_FORMAT: 'json',
    LOG_LEVEL: 'warn',
  };
  const serviceOrigin = `http://localhost:${await detour(service)}`;
  const discoveryUrl = `${serviceOrigin}/.well-known/oauth-authorization-server`;
  const identityEnv = {
    ...everywhere,
    SERVICE_URL: serviceOrigin,
    DATABASE_URL: postgres.url,
    MASTER_KEY_FILE: join(folder, 'master-keys'),
    RELYING_SERVICES_FILE: join(folder, 'relying-services.json'),
    MAIL_DIR: join(folder, 'mail'),
    PUBLIC_PORT: String(identity),
    SERVICE_PORT: String(service),
    OPERATOR_PORT: String(operator),
    ACCESS_TOKEN_TTL_SECONDS: '900',
    ARGON2_MEMORY_KIB: '19456',
    ARGON2_PASSES: '2',
    ...NO_LIMITS_REACHED,
    ...(redis ? { REDIS_URL: redis.url } : {}),
    ...settings,
  };
  const children = [];
  const run = (file, env, args = [], input = '', { output = 'ignore', flags = [], core } = {}) => {
    const child = spawn(...onCore(core, process.execPath, ...flags, file, ...args), {
      env,
      stdio: ['pipe', output, 'inherit'],
    });
    child.stdin.end(input);
    return child;
  };
  const finish = async (...args) => {
    const [code] = await once(run(...args), 'exit');
    if (code !== 0) throw new Error('a preparation of the installation failed');
  };
  const start = async (file, env, healthPort, where) => {
    const child = run(file, env, [], '', where);
    children.push(child);
    for (let tries = 0; tries < 600; tries += 1) {
      if (child.exitCode !== null) throw new Error(`${file} ended`);
      const answer = await fetch(`http://localhost:${healthPort}/health/ready`).catch(() => null);
      if (answer?.ok) return child;
      await delay(50);
    }
    throw new Error(`${file} did not become ready`);
  };

  await finish(program('identity', 'cli.js'), identityEnv, ['migrate']);
  const serving = await start(program('identity'), identityEnv, operator, {
    flags: identityFlags,
    core: identityCore,
  });
  await finish(
    program('identity', 'cli.js'),
    identityEnv,
    ['accounts', 'add', '--email', ACCOUNT.email],
    `${ACCOUNT.password}\n`,
  );
  for (const id of services) {
    const env = {
      ...everywhere,
      DISCOVERY_URL: discoveryUrl,
      CLIENT_ID: id,
      CLIENT_SECRET_FILE: join(folder, `secret-${id}`),
      PORT: String(ports[id]),
      MANAGEMENT_PORT: String(management[id]),
      PAYMENTS_URL: `http://localhost:${ports.payments}`,
      ...(redis ? { REDIS_URL: `redis://127.0.0.1:${await detour(redis.port)}` } : {}),
      ...serviceSettings,
    };
    await start(program(id), env, management[id]);
  }

  return {
    ports,
    management,
    account: ACCOUNT,
    issuer: everywhere.ISSUER_URL,
    /** The process id of identity. */
    identityPid: serving.pid,
    databaseUrl: postgres.url,
    discoveryUrl,
    clientSecrets: secrets,
    masterKeyFile: join(folder, 'master-keys'),
    /** @returns the operator's token */
    async addOperator(name, roles) {
      const args = ['operators', 'add', name, '--role', ...roles];
      const json = ['--json', ...args];
      const child = run(program('identity', 'cli.js'), identityEnv, json, '', { output: 'pipe' });
      const parts = [];
      child.stdout.on('data', (part) => parts.push(part));
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error('the operator was not made');
      return JSON.parse(Buffer.concat(parts)).token;
    },
    async stop() {
      for (const child of children.reverse()) {
        if (child.exitCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await redis?.stop();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePorts(count) {
  const servers = [];
  for (let n = 0; n < count; n += 1) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
  }
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) server.close();
  return ports;
}
