import { once } from 'node:events';
import { connect } from 'node:net';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import { freePorts } from '../../test/free-ports.js';
import { startServing } from '../../test/serving-identity.js';
import type { ServingIdentity } from '../../test/serving-identity.js';

let identity: ServingIdentity;
let management: string;
beforeAll(async () => {
  const [port] = await freePorts(1);
  management = `http://127.0.0.1:${String(port)}`;
  const { databaseUrl } = await startReplica();
  identity = await startServing(databaseUrl, {
    MANAGEMENT_PORT: String(port),
    OPERATOR_BIND_HOST: '127.0.0.2',
    MAX_CONNECTIONS: '10',
  });
});
afterAll(async () => {
  await identity.stop();
  await stopReplicas();
});

const statusOf = (url: string) =>
  fetch(url).then(
    ({ status }) => status,
    () => 'nobody listens' as const,
  );

it('health and metrics have a listener of their own, with nothing else on it', async () => {
  expect(await statusOf(`${management}/health/live`)).toBe(200);
  expect(await statusOf(`${management}/health/ready`)).toBe(200);
  expect(await (await fetch(`${management}/metrics`)).text()).toContain(
    'countersign_feed_subscribers',
  );
  for (const path of ['/operator/keys', '/operator/openapi.json', '/.well-known/jwks.json'])
    expect(await statusOf(management + path)).toBe(404);
});

it('operators are listened to at another address than everybody else', async () => {
  expect(await statusOf(`${identity.operator}/operator/keys`)).toBe('nobody listens');
  const there = identity.operator.replace('127.0.0.1', '127.0.0.2');
  expect(await statusOf(`${there}/operator/keys`)).toBe(401);
  expect(await statusOf(`${identity.public}/.well-known/jwks.json`)).toBe(200);
});

it('past MAX_CONNECTIONS one more is closed on it, and counted', async () => {
  const { hostname, port } = new URL(management);
  const sockets = Array.from({ length: 11 }, () => connect(Number(port), hostname));
  await Promise.race(sockets.map((socket) => once(socket, 'close')));
  for (const socket of sockets) socket.destroy();
  const operator = identity.operator.replace('127.0.0.1', '127.0.0.2');
  const metrics = await (await fetch(`${operator}/metrics`)).text();
  expect(metrics).toMatch(/^countersign_connections_refused_total [1-9]/m);
});
