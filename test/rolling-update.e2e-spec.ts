import { setTimeout as delay } from 'node:timers/promises';
import { ConstantLoad, requestsOf } from '../tools/src/compose-check/constant-load.js';
import { makeCertificate } from './gateways/certificate.js';
import { startEdge } from './gateways/edges.js';
import type { Edge } from './gateways/edges.js';
import { freePorts, Stack, until } from './stack.js';

/** The replica that is replaced; the other one is the stack's own. */
const REPLICA = 'identity-2';

let stack: Stack;
let edge: Edge;
let replica: { readonly name: string; readonly env: Record<string, string> };

const statusOf = (port: string, path: string) =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    ({ status }) => status,
    () => 'nobody listens' as const,
  );
/** How many requests of people the replica has answered. */
const answeredBy = (name: string) =>
  stack.running(name).output().split('"route":"/auth/').length - 1;

beforeAll(async () => {
  stack = await Stack.start(['identity', 'orders', 'payments'], {
    FORWARD_AUTH_PEERS: '127.0.0.0/8,::1',
  });
  const [publicPort, servicePort, operatorPort, managementPort, tlsPort] = await freePorts(5);
  replica = {
    name: REPLICA,
    env: {
      PUBLIC_PORT: String(publicPort),
      SERVICE_PORT: String(servicePort),
      OPERATOR_PORT: String(operatorPort),
      MANAGEMENT_PORT: '0',
      DRAIN_SECONDS: '6',
    },
  };
  await stack.startApp('identity', replica);
  const both = (name: string, port: number | undefined) =>
    `127.0.0.1:${String(stack.ports[name])}; server 127.0.0.1:${String(port)}`;
  edge = await startEdge('nginx', {
    identityPublic: both('public', publicPort),
    identityService: both('service', servicePort),
    orders: `127.0.0.1:${String(stack.ports['orders'])}`,
    payments: `127.0.0.1:${String(stack.ports['payments'])}`,
    port: stack.ports['gateway']!,
    managementPort: managementPort!,
    tls: { port: tlsPort!, ...(await makeCertificate()) },
  });
});

afterAll(async () => {
  await edge.stop();
  await stack.stop();
});

it('a replica of identity is replaced under load, and no request fails', async () => {
  const account = await stack.addAccount('rolling@example.test');
  const ask = await requestsOf(stack.url('gateway'), account);
  const load = new ConstantLoad([
    [ask.readOwn, 20],
    [ask.readOrders, 10],
    [ask.readAsBrowser, 10],
    [ask.refresh, 3],
    [ask.logIn, 0.5],
  ]);
  try {
    await until(() => answeredBy(REPLICA) > 20, 60_000);

    const { OPERATOR_PORT: operator = '', PUBLIC_PORT: open = '' } = replica.env;
    const before = answeredBy(REPLICA);
    const old = stack.running(REPLICA);
    const stopped = stack.endApp(REPLICA);
    // It is out of service for those who look before it is for those who do not.
    await until(async () => (await statusOf(operator, '/health/ready')) === 503, 30_000);
    expect(await statusOf(open, '/.well-known/jwks.json')).toBe(200);
    expect((await stopped).code).toBe(0);
    expect(old.output().split('"route":"/auth/').length - 1).toBeGreaterThan(before);

    await delay(1_000);
    await stack.startApp('identity', replica);
    await until(() => answeredBy(REPLICA) > 20, 60_000);
  } finally {
    await load.end();
  }
  const { sent, failures } = await load.end();
  // With what nginx says of them, if there are any.
  const logged = edge
    .output()
    .split('\n')
    .filter((line) => / 5\d\d \d+\.\d+ /.test(line));
  expect({ failures, logged, resent: ask.resent() }).toEqual({
    failures: [],
    logged: [],
    resent: 0,
  });
  expect(sent).toBeGreaterThan(200);
});
