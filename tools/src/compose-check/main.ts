import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ConstantLoad, requestsOf } from './constant-load.js';
import type { LoadResult } from './constant-load.js';
import { CheckFailure, ComposeStack, findEngine } from './engine.js';
import { updateLines } from './update-lines.js';

const HELP = `Runs docker-compose.yml for real, and takes it down again:

  npm run test:compose             on port 8080 or EDGE_PORT, with docker compose, or podman and podman-compose
  COMPOSE="…" npm run test:compose with another command that takes the arguments of docker compose, on podman
`;
const PORT = process.env['EDGE_PORT'] ?? '8080';
const GATEWAY = `http://localhost:${PORT}`;
const SERVICES_PREFIX = process.env['SERVICES_PREFIX'] ?? '10.213.78';
/** What the image may hold of ours, MB. */
const MOST_MB = 80;
const START_LIMIT_MS = 240_000;
const OURS = ['identity', 'orders', 'payments'];
const SERVICES = ['edge', 'postgres', 'redis', ...OURS, ...OURS].sort();
const JOBS = ['roles', 'migrate', 'demo-account'];

async function check(stack: ComposeStack): Promise<void> {
  await untilReady(stack);
  await reloadEdge(stack);
  told('everything runs, and all jobs have ended well');
  const demo = spawnSync(process.execPath, ['tools/demo.mjs', '--url', GATEWAY], {
    encoding: 'utf8',
  });
  expect(demo.status === 0, `the demonstration failed:\n${demo.stdout}${demo.stderr}`);
  told('the demonstration went through');
  await checkContainers(stack);
  told(
    'nobody is root without need, the file systems are read-only, no secret is in an environment',
  );
  told(`the image holds ${String(await sizeOfImage(stack))} MB of ours`);
  await checkPeers(stack);
  told('who is not on the network of the services is told nothing about requests');
  const { sent, failures, resent } = await updateUnderLoad(stack);
  expect(
    failures.length === 0,
    `${String(failures.length)} of ${String(sent)} requests failed:\n${[...new Set(failures)].slice(0, 5).join('\n')}`,
  );
  told(
    `every replica was replaced, as docs/operations/deploy.md says: ${String(sent)} requests, ${String(failures.length)} failed, ${String(resent)} reads and refreshes sent again, since the edge had closed the connection that was kept for them`,
  );
}

async function untilReady(stack: ComposeStack): Promise<void> {
  const limit = performance.now() + START_LIMIT_MS;
  for (;;) {
    await stack.tellNames();
    const containers = await stack.containers();
    const running = containers.filter(({ State }) => State.Running).map(({ service }) => service);
    const done = containers.filter(
      ({ service, State }) => JOBS.includes(service) && !State.Running && State.ExitCode === 0,
    );
    const all = running.sort().join() === SERVICES.join() && done.length === JOBS.length;
    if (all && (await areHealthy(stack)) && (await answers()) === 200) return;
    expect(performance.now() < limit, `not everything runs: ${running.join(', ')} do`);
    await delay(300);
  }
}

/** Asks each process of ours, as its container's health check does. */
async function areHealthy(stack: ComposeStack): Promise<boolean> {
  const ours = (await stack.containers()).filter(({ service }) => OURS.includes(service));
  const asked = ours.map(({ Name }) =>
    stack.engineCommand('exec', Name, 'node', 'container-health.mjs').then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(asked)).every((healthy) => healthy);
}

/** Lets nginx look the names up again. */
async function reloadEdge(stack: ComposeStack): Promise<void> {
  const edge = (await stack.containers()).find(({ service }) => service === 'edge');
  const reload = ['nginx', '-c', '/tmp/nginx.conf', '-s', 'reload'];
  await stack.engineCommand('exec', edge?.Name ?? '', ...reload);
  // The new workers take over.
  await delay(2_000);
}

/** The status of the gateway's answer; `undefined` without one. */
function answers(): Promise<number | undefined> {
  return fetch(`${GATEWAY}/.well-known/jwks.json`).then(
    ({ status }) => status,
    () => undefined,
  );
}

async function checkContainers(stack: ComposeStack): Promise<void> {
  const secrets = [
    'postgres-password',
    'postgres-owner-password',
    'postgres-service-password',
    'master-keys',
    'orders-secret',
    'redis-relay-password',
  ].map((name) => readFileSync(`secrets/${name}`, 'utf8').trim());
  for (const { Name, service, Config, State, NetworkSettings } of await stack.containers()) {
    expect(
      !secrets.some((one) => Config.Env.join('\n').includes(one)),
      `${Name} has a secret in its environment`,
    );
    const published = Object.values(NetworkSettings.Ports).some((one) => (one ?? []).length > 0);
    expect(
      published === (service === 'edge'),
      `${Name}: its ports are open to the outside, or those of the edge are not`,
    );
    if (!State.Running || service === 'postgres') continue;
    const uid = await stack.engineCommand('exec', Name, 'id', '-u');
    expect(uid.trim() !== '0', `${Name} runs as root`);
    const wrote = stack.engineCommand('exec', Name, 'touch', '/etc/x');
    expect(
      !(await wrote.then(
        () => true,
        () => false,
      )),
      `${Name} can write`,
    );
  }
}

/** What is in the image beside its base. */
async function sizeOfImage(stack: ComposeStack): Promise<number> {
  const identity = (await stack.containers()).find(({ service }) => service === 'identity');
  const told = await stack.engineCommand('exec', identity?.Name ?? '', 'du', '-sm', '/app');
  const size = Number.parseInt(told);
  expect(size <= MOST_MB, `the image holds ${told.trim()} MB, more than ${String(MOST_MB)}`);
  return size;
}

/** Redis reaches identity on a network of theirs, and asks what only the edge may ask. */
async function checkPeers(stack: ComposeStack): Promise<void> {
  const containers = await stack.containers();
  const [redis, identity] = ['redis', 'identity'].map((name) =>
    containers.find(({ service, State }) => service === name && State.Running),
  );
  const networks = Object.entries(identity?.NetworkSettings.Networks ?? {});
  const address = networks.find(([name]) => name.endsWith('_revocations'))?.[1].IPAddress ?? '';
  const asked = await stack.engineCommand(
    'exec',
    redis?.Name ?? '',
    'bash',
    '-c',
    `exec 3<>/dev/tcp/${address}/3005 && printf 'GET /auth-request?audience=orders HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3`,
  );
  expect(/ 403 /.test(asked), `Redis may ask about requests: ${asked}`);
}

/** Does what docs/operations/deploy.md says of an update, under load. */
async function updateUnderLoad(
  stack: ComposeStack,
): Promise<LoadResult & { readonly resent: number }> {
  const { customer } = JSON.parse(readFileSync('secrets/demo.json', 'utf8')) as {
    customer: { email: string; password: string };
  };
  const ask = await requestsOf(GATEWAY, customer);
  const load = new ConstantLoad([
    [ask.readOwn, 20],
    [ask.readOrders, 20],
    [ask.readAsBrowser, 20],
    [ask.refresh, 2],
    // Within what RIGHT_PASSWORDS lets through.
    [ask.logIn, 0.1],
  ]);
  try {
    await delay(3_000);
    const before = await oursOf(stack);
    const update = stack.script(updateLines()).then(() => 'done');
    while ((await Promise.race([update, delay(300)])) !== 'done') {
      // A container may go away while it is looked at.
      await stack.tellNames().catch(() => undefined);
    }
    await untilReady(stack);
    const after = await oursOf(stack);
    expect(
      !before.some((one) => after.includes(one)),
      'not every replica was replaced by a new one',
    );
    await delay(3_000);
  } finally {
    await load.end();
  }
  return { ...(await load.end()), resent: ask.resent() };
}

/** Whatever runs of our own services. */
async function oursOf(stack: ComposeStack): Promise<readonly string[]> {
  const ours = (await stack.containers()).filter(({ service }) => OURS.includes(service));
  return ours.map(({ Id }) => Id);
}

function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new CheckFailure(otherwise);
}

function told(what: string): void {
  console.log(`ok: ${what}`);
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    console.log(HELP);
    return;
  }
  const stack = new ComposeStack(findEngine(process.env), 'countersign-check', {
    EDGE_PORT: PORT,
    ISSUER_URL: GATEWAY,
    SERVICES_PREFIX,
  });
  let undo = () => Promise.resolve<unknown>(undefined);
  try {
    expect(!(await answers()), `port ${PORT} is taken: say EDGE_PORT=… to use another`);
    spawnSync(process.execPath, ['tools/compose-secrets.mjs'], { stdio: 'inherit' });
    undo = await stack.prepareAddresses(`${SERVICES_PREFIX}.0/24`);
    await stack.compose('up', '-d', '--build');
    await check(stack);
  } finally {
    await stack.compose('down', '-v');
    await undo();
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof CheckFailure ? error.message : error);
  process.exitCode = 1;
}
