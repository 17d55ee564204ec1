import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { jest } from '@jest/globals';
import { ask as askPlainly } from '../../apps/identity/test/browser.js';
import { freePorts, until } from '../stack.js';
import type { Case } from './case.js';
import { CASES } from './cases.js';
import { makeCertificate } from './certificate.js';
import { startEdge } from './edges.js';
import type { Edge } from './edges.js';
import { faultsOf } from './faults.js';
import { ResultTable } from './result-table.js';
import type { RoadState } from './road.js';
import { send } from './send.js';
import type { Received, Sent } from './send.js';
import { startStream } from './streams.js';
import { World } from './world.js';

jest.setTimeout(240_000);

const NAMES = ['node', 'nginx', 'caddy', 'haproxy'] as const;
type Name = (typeof NAMES)[number];

let world: World;
const edges = new Map<Name, Edge>();
const tlsPorts = new Map<Name, number>();
const managementPorts = new Map<Name, number>();
let certificate: { certificate: string; key: string };
const table = new ResultTable(NAMES);
beforeAll(async () => {
  world = await World.start();
  edges.set('node', {
    origin: world.issuer,
    folder: '',
    output: () => '',
    stop: () => Promise.resolve(),
  });
  certificate = await makeCertificate();
  const ports = await freePorts(3 * NAMES.length);
  for (const [index, name] of NAMES.entries()) {
    if (name === 'node') continue;
    const [port = 0, managementPort = 0, tlsPort = 0] = ports.slice(3 * index);
    const tls = { ...certificate, port: tlsPort };
    edges.set(name, await startEdge(name, { ...world.places, port, managementPort, tls }));
    tlsPorts.set(name, tlsPort);
    managementPorts.set(name, managementPort);
  }
});
afterAll(async () => {
  for (const edge of edges.values()) await edge.stop();
  await world.stop();
  process.stdout.write(`${table.text()}\n`);
});

let count = 0;
/** Sends a request with a number of its own, and finds what the service got. */
async function ask(name: Name, sent: Sent) {
  const n = String((count += 1));
  const target = `${sent.target}${sent.target.includes('?') ? '&' : '?'}n=${n}`;
  const received = await send(edges.get(name)!.origin, { ...sent, target });
  return { received, echoed: world.echo.received(n) };
}
const keptBy = ({ headers }: Received) =>
  headers
    .filter(([name]) => name === 'cache-control')
    .flatMap(([, value]) => value.split(/, */))
    .sort()
    .join(', ');
const resultOf = ({ status, code }: Received) => `${String(status)} ${code}`.trim();

/** Asks, and looks at everything that must hold for every answer. @returns status and code */
async function judge(name: Name, one: Case): Promise<string> {
  const { sent, expected, reaches, arrives = [], kept } = one;
  const given = { ...world.credentials, issuer: world.issuer };
  const request = typeof sent === 'function' ? sent(given) : sent;
  const { received, echoed } = await ask(name, request);
  const result = resultOf(received);
  expect(result).toMatch(typeof expected === 'string' ? new RegExp(`^${expected}$`) : expected);
  expect(echoed !== undefined).toBe(reaches ?? [101, 200].includes(received.status));
  if (echoed) expect(echoed.body).toBe(request.body ?? '');
  const arrived = echoed?.headers.map(([header, value]) => `${header}: ${value}`);
  expect(arrived ?? []).toEqual(expect.arrayContaining([...arrives]));
  if (kept !== undefined) expect(keptBy(received)).toBe(kept);
  expect(faultsOf(request, received, echoed)).toEqual([]);
  return result;
}

describe.each(NAMES)('%s', (name) => {
  test.each(CASES.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    await table.note(name, one.name, () => judge(name, one));
  });
});

describe.each(NAMES.filter((name) => name !== 'node'))('%s', (name) => {
  test('ends TLS, and says so to the service, and to clients in every answer', async () => {
    const askOverTls = async (path: string, headers: OutgoingHttpHeaders) => {
      const to = { host: 'localhost', port: tlsPorts.get(name), agent: false };
      const asking = request({ ...to, path, headers, ca: certificate.certificate });
      const [answer] = (await once(asking.end(), 'response')) as [IncomingMessage];
      answer.resume();
      expect(answer.headersDistinct['strict-transport-security']).toEqual(['max-age=31536000']);
      return answer.statusCode;
    };
    await table.note(name, 'over TLS', async () => {
      const { session } = world.credentials;
      expect(await askOverTls(`/orders?n=tls-${name}`, { cookie: session })).toBe(200);
      const { headers } = world.echo.received(`tls-${name}`)!;
      expect(headers).toContainEqual(['x-forwarded-proto', 'https']);
      expect(await askOverTls('/.well-known/jwks.json', {})).toBe(200);
      expect(await askOverTls('/orders//1', {})).toBe(400);
      expect(await askOverTls('/orders', {})).toBe(401);
      expect(await askOverTls('/nothing', {})).toBe(404);
      expect(await askOverTls('/payments', { cookie: session })).toBe(503);
      return '200';
    });
  });

  test('says nothing of TLS without it', async () => {
    const answer = await fetch(`${edges.get(name)!.origin}/orders`);
    expect(answer.headers.get('strict-transport-security')).toBeNull();
  });

  test('tells probes that it is there, and that identity is', async () => {
    const origin = `http://127.0.0.1:${String(managementPorts.get(name))}`;
    for (const [path, status] of [
      ['/health/live', 200],
      ['/health/ready', 200],
      ['/orders', 404],
    ] as const) {
      expect((await fetch(origin + path)).status).toBe(status);
    }
  });
});

describe('identity, asked as each gateway asks', () => {
  const FORWARDED = [
    'X-Forwarded-Proto',
    'http',
    'X-Forwarded-Host',
    'api.example',
    'X-Forwarded-Uri',
    '/orders',
  ];
  const ORIGINAL = ['X-Original-URL', 'http://api.example/orders'];
  const asks = (method: string): [method: string, path: string, headers: string[]][] => [
    ['GET', '/forward-auth?audience=orders', ['X-Forwarded-Method', method, ...FORWARDED]],
    ['GET', '/auth-request?audience=orders', ['X-Original-Method', method, ...ORIGINAL]],
    [method, '/ext-authz/orders/1', []],
  ];
  const statusesOf = async (method: string, credential: readonly string[]) => {
    const service = world.stack.url('service');
    const all = asks(method).map(async ([verb, path, headers]) => {
      const answer = await askPlainly(service, verb, path, {
        headers: [...headers, ...credential],
      });
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(/^Bearer eyJ/.test(answer.headers.authorization ?? '')).toBe(answer.status === 200);
      return answer.status;
    });
    return Promise.all(all);
  };

  test('says the same to all', async () => {
    const { session, access, bearer, revoked } = world.credentials;
    expect(await statusesOf('GET', ['cookie', session])).toEqual([200, 200, 200]);
    expect(await statusesOf('GET', ['cookie', access])).toEqual([200, 200, 200]);
    expect(await statusesOf('PATCH', ['authorization', `Bearer ${bearer}`])).toEqual([
      200, 200, 200,
    ]);
    expect(await statusesOf('GET', ['authorization', `Bearer ${revoked}`])).toEqual([
      401, 401, 401,
    ]);
    expect(await statusesOf('DELETE', ['cookie', session])).toEqual([403, 403, 403]);
    expect(await statusesOf('GET', ['cookie', session, 'cookie', access])).toEqual([400, 400, 400]);
    expect(await statusesOf('GET', [])).toEqual([401, 401, 401]);
  });
});

describe('identity does not say who asks', () => {
  const states: readonly RoadState[] = [
    'slow',
    'down',
    'redirects',
    'fails',
    'names nobody',
    'gives an empty name',
  ];
  test.each(states)('the way to it is or does: %s', async (state) => {
    world.road.state = state;
    try {
      const sent = { target: '/orders', headers: [`Cookie: ${world.credentials.session}`] };
      await Promise.all(
        NAMES.map((name) =>
          table.note(name, `forward auth: ${state}`, () =>
            judge(name, { name: state, sent, expected: '503 forward_auth_unavailable' }),
          ),
        ),
      );
    } finally {
      world.road.state = 'open';
    }
  });
});

test('a service that is slow is given up', async () => {
  const sent = { target: '/orders/slow', headers: [`Cookie: ${world.credentials.session}`] };
  const one = { name: 'slow', sent, expected: '503 upstream_unavailable', reaches: true };
  await Promise.all(
    NAMES.map((name) => table.note(name, 'the service is slow', () => judge(name, one))),
  );
});

describe('during a stream of requests', () => {
  const streamsOf = (headers: readonly string[]) =>
    NAMES.map((name) => {
      const stream = startStream(2, async () =>
        resultOf((await ask(name, { target: '/orders', headers })).received),
      );
      return [name, stream] as const;
    });
  const haveAnswered = (streams: ReturnType<typeof streamsOf>, count: number) =>
    until(() => streams.every(([, { answers }]) => answers.length >= count), 60_000);

  test('the session ends: whoever asks after the receipts is refused', async () => {
    const begin = async () => {
      const session = await world.signIn();
      const streams = streamsOf([`Cookie: ${session.cookie}`]);
      await haveAnswered(streams, 10);
      return { streams, hasReceipts: await session.end(), endedAt: performance.now() };
    };
    let { streams, hasReceipts, endedAt } = await begin();
    // On a machine that is too busy for the receipts to come in time, once more.
    for (let left = 4; left > 0 && !hasReceipts; left -= 1) {
      for (const [, stream] of streams) await stream.stop();
      ({ streams, hasReceipts, endedAt } = await begin());
    }
    expect(hasReceipts).toBe(true);
    const counts = streams.map(([, { answers }]) => answers.length);
    await until(
      () => streams.every(([, { answers }], at) => answers.length >= counts[at]! + 10),
      60_000,
    );
    for (const [name, stream] of streams) {
      await stream.stop();
      await table.note(name, 'the session ends', async () => {
        const results = new Set(stream.answers.map(({ answer }) => answer));
        const after = stream.answers.filter(({ startedAt }) => startedAt > endedAt);
        expect([...results].sort()).toEqual(['200', '401 session_ended']);
        expect(new Set(after.map(({ answer }) => answer))).toEqual(new Set(['401 session_ended']));
        return '200, 401 session_ended';
      });
    }
  });

  test('the signing key changes: nobody notices', async () => {
    const before = await world.signIn();
    const streams = [
      ...streamsOf([`Cookie: ${before.cookie}`]),
      ...streamsOf([`Authorization: Bearer ${world.credentials.bearer}`]),
    ];
    await haveAnswered(streams, 5);
    await world.rotateSigningKey();
    const after = await world.signIn();
    const more = streamsOf([`Cookie: ${after.cookie}`]);
    await haveAnswered(more, 5);
    for (const [name, stream] of [...streams, ...more]) {
      await stream.stop();
      await table.note(name, 'the signing key changes', async () => {
        expect(new Set(stream.answers.map(({ answer }) => answer))).toEqual(new Set(['200']));
        return '200';
      });
    }
  });
});
