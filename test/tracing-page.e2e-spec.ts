import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { startThrowAwayRedis } from '@countersign/test-kit';
import { bearer, expectStatus, post, Stack, until } from './stack.js';
import type { App } from './stack.js';

jest.setTimeout(240_000);

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/operations/tracing.md'), 'utf8');
const block = (language: string) =>
  new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'm').exec(page)?.[1] ?? '';

interface ToldSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string }[];
}
interface Told {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly ToldSpan[] }[];
  }[];
}

/** What a collector would get, by the process that told it. */
const told: (ToldSpan & { readonly from: string })[] = [];
let everything = '';
const collector = createServer((request, response) => {
  void json(request).then((body) => {
    everything += JSON.stringify(body);
    for (const { resource, scopeSpans } of (body as Told).resourceSpans) {
      const named = resource.attributes.find(({ key }) => key === 'service.name');
      const from = named?.value.stringValue ?? 'nobody';
      for (const { spans } of scopeSpans) told.push(...spans.map((span) => ({ ...span, from })));
    }
    response.setHeader('content-type', 'application/json').end('{}');
  });
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const traced = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'vendor=1' };

let folder: string;
let redis: Awaited<ReturnType<typeof startThrowAwayRedis>>;
let stack: Stack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-otel-'));
  writeFileSync(join(folder, 'otel.mjs'), block('js'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  await once(collector.listen(0, '127.0.0.1'), 'listening');
  const { port } = collector.address() as AddressInfo;
  redis = await startThrowAwayRedis();
  stack = await Stack.start([], {
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String(port)}`,
  });
  // Each line of the page says how one process is started; its settings are those of every test.
  for (const line of block('sh').trim().split('\n')) {
    const [, name = '', file = '', app] =
      /^OTEL_SERVICE_NAME=(\w+) node --import \.\/(\S+) apps\/(\w+)\/dist\/main\.js$/.exec(line) ??
      [];
    const env = { OTEL_SERVICE_NAME: name, NODE_OPTIONS: `--import ${join(folder, file)}` };
    await stack.startApp(app as App, { env });
  }
});
afterAll(async () => {
  await stack.stop();
  await redis.stop();
  collector.close();
  rmSync(folder, { recursive: true, force: true });
});

const inTrace = () => told.filter(({ traceId }) => traceId === TRACE);
const find = (from: string, name: string) =>
  inTrace().find((span) => span.from === from && span.name === name);
/** The span that another is below; the caller's id when that is outside. */
function parentOf(from: string, name: string): string | undefined {
  const span = find(from, name);
  const parent = inTrace().find(({ spanId }) => spanId === span?.parentSpanId);
  return parent ? `${parent.from}: ${parent.name}` : span?.parentSpanId;
}

it('one trace goes through all processes, and what takes time in each is below its request', async () => {
  const account = await stack.addAccount('ann@example.test');
  const login = await expectStatus(200, post(stack.url('gateway', '/auth/login'), account, traced));
  const { access_token: token } = (await login.json()) as { access_token: string };
  stack.know(token);
  const order = await expectStatus(
    201,
    post(
      stack.url('gateway', '/orders'),
      { item: 'book', amount_cents: 5 },
      { ...bearer(token), ...traced },
    ),
  );
  const { id } = (await order.json()) as { id: string };
  const pay = stack.url('gateway', `/orders/${id}/pay`);
  await expectStatus(200, fetch(pay, { method: 'POST', headers: { ...bearer(token), ...traced } }));
  const fromOurPage = { origin: stack.url('gateway') };
  const session = await expectStatus(
    200,
    post(stack.url('gateway', '/auth/login'), { ...account, delivery: 'session' }, fromOurPage),
  );
  const [cookie = ''] = session.headers.getSetCookie().map((one) => one.split(';')[0]!);
  stack.know(cookie.split('=')[1]!);
  const asking = { cookie, ...fromOurPage, ...traced };
  await expectStatus(200, fetch(stack.url('gateway', '/payments'), { headers: asking }));
  const loggedOut = await fetch(stack.url('gateway', '/auth/logout'), {
    method: 'POST',
    headers: { ...bearer(token), prefer: 'wait=2' },
  });
  expect([200, 202]).toContain(loggedOut.status);
  const expected = [
    ['gateway', 'POST /auth/*', CALLER],
    ['identity', 'POST /auth/login', 'gateway: POST /auth/*'],
    ['identity', 'sign', 'identity: POST /auth/login'],
    ['identity', 'database transaction', 'identity: POST /auth/login'],
    ['gateway', 'swap session', 'gateway: GET /payments'],
    ['identity', 'POST /forward-auth', 'gateway: swap session'],
    ['gateway', 'POST /orders', CALLER],
    ['gateway', 'verify token', 'gateway: POST /orders'],
    ['orders', 'POST /orders', 'gateway: POST /orders'],
    ['orders', 'verify token', 'orders: POST /orders'],
    ['orders', 'pay', 'orders: POST /orders/:id/pay'],
    ['payments', 'POST /payments', 'orders: pay'],
    ['payments', 'verify token', 'payments: POST /payments'],
  ] as const;
  const RELAYED = 'relay revocations';
  await until(
    () =>
      // What a span is below ends after it, and may be told later.
      expected.every(([from, name, parent]) => parentOf(from, name) === parent) &&
      told.some(({ name }) => name === RELAYED),
    60_000,
  ).catch(() => undefined);
  expect(expected.map(([from, name]) => [from, name, parentOf(from, name)])).toEqual(expected);
  const [relayed] = told.filter(({ name }) => name === RELAYED);
  expect(relayed).toMatchObject({ from: 'identity', traceId: expect.not.stringMatching(TRACE) });
  expect(relayed?.parentSpanId ?? '').toBe('');
  expect(stack.running('orders').output()).toContain(`"trace_id":"${TRACE}"`);
});

it('what is told is what the page says: no path, no token, no secret', () => {
  const rows = [...page.matchAll(/^\| `([^`]+)`(?: and such)? +\|[^|]*\|([^|]*)\|$/gm)];
  const names = rows.map(([, name]) => name);
  const attributes = new Set(page.match(/(?<=`)[a-z]+(\.[a-z_]+)+(?=`)/g));
  expect(told.length).toBeGreaterThan(30);
  for (const { name, attributes: said, kind } of told) {
    // Requests are the spans of a server.
    if (kind === 2) expect(name).toMatch(/^[A-Z]+( \/[\w/:.*-]*)?$/);
    else expect(names).toContain(name);
    for (const { key } of said) expect([...attributes]).toContain(key);
  }
  expect(told.filter(({ name }) => name.includes('/health') || name.includes('/metrics'))).toEqual(
    [],
  );
  for (const secret of stack.secrets()) expect(everything).not.toContain(secret);
});
