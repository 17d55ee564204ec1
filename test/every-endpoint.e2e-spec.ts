import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { METHODS, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { Browser } from '../apps/identity/test/browser.js';
import { DocumentedAnswers } from '../apps/identity/test/documented-answers.mjs';
import type { OpenApiDocument } from '../apps/identity/src/openapi/openapi-document.js';
import { gatewayQuestions, requestsTo } from './arbitrary-requests.js';
import type { ArbitraryRequest, Hints } from './arbitrary-requests.js';
import { SAMPLES, TELL_ROUTES } from './sample-services.js';
import { bearer, expectStatus, post, Stack } from './stack.js';

jest.setTimeout(240_000);

/** Of each operation. */
const REQUESTS = 40;
/** At most so many more, while none of them was what the operation takes. */
const MORE = 200;
/** Another one each time; that of a failure, put here, makes the same requests again. */
const SEED = randomInt(2 ** 31);
const PASSWORD = 'a password that is long enough';
const ANN = { email: 'ann@example.test', password: PASSWORD };
/** Operators do to this one whatever they can; it signs in nowhere. */
const VICTIM = { email: 'victim@example.test', password: PASSWORD };

let stack: Stack;
let operator: string;
/** Sets another password, once. */
let mailed: string;
beforeAll(async () => {
  stack = await Stack.start(undefined, {
    FORWARD_AUTH_PEERS: '127.0.0.1,::1',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TELL_ROUTES)}`,
  });
  operator = await stack.addOperator('somebody', ['read', 'end-sessions', 'keys']);
  await stack.addAccount(VICTIM.email, PASSWORD);
  const seen = stack.messagesTo(VICTIM.email).length;
  await post(stack.url('public', '/auth/password-reset'), { email: VICTIM.email });
  mailed = await stack.tokenSentTo(VICTIM.email, seen);
});
afterAll(() => stack.stop());

const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

interface Sent {
  readonly status: number;
  readonly type: string;
  readonly headers: IncomingMessage['headers'];
  readonly payload: string | undefined;
}
type Pair = readonly [string, string];
interface Held {
  readonly pairs: Readonly<Record<string, Pair>>;
  readonly hints: Hints;
}

/** Sends exactly these headers. An answer without end is not read. */
async function send(
  at: string,
  { method, path, headers, body }: Omit<ArbitraryRequest, 'credentials'>,
): Promise<Sent> {
  const { host, port } = new URL(stack.url(at));
  // As clients do: a chunked body without end would be one without a type.
  const isBare = body === undefined && !['POST', 'PUT', 'PATCH', 'DELETE'].includes(method);
  const length = isBare ? [] : ['content-length', String(Buffer.byteLength(body ?? ''))];
  const asking = request({
    hostname: 'localhost',
    port,
    method,
    path,
    agent: false,
    headers: ['host', host, ...length, ...headers.flat()],
    signal: AbortSignal.timeout(10_000),
  });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const type = (answer.headers['content-type'] ?? '').split(';')[0]!;
  const isEndless = type === 'text/event-stream';
  const payload = isEndless ? undefined : await text(answer);
  if (isEndless) answer.destroy();
  return { status: answer.statusCode ?? 0, type, headers: answer.headers, payload };
}

/** Everything that opens something, as headers by the name of the scheme; fresh, so that no operation meets what another has ended. */
async function credentials(): Promise<Held> {
  const login = (delivery: string) =>
    post(stack.url('public', '/auth/login'), { ...ANN, delivery });
  const first = await login('bearer');
  // It has deleted itself, or has another password by now.
  if (first.status === 401) {
    ANN.email = `ann${String(randomInt(2 ** 31))}@example.test`;
    await stack.addAccount(ANN.email, PASSWORD);
    return credentials();
  }
  const held = (await first.json()) as { access_token: string; refresh_token: string };
  const cookieOf = async (delivery: string) => {
    const browser = new Browser(stack.url('public'), stack.url('gateway'));
    await browser.fetch('POST', '/auth/login', { ...ANN, delivery });
    return browser.cookieHeader('/auth/refresh');
  };
  const [inCookies, opaque] = [await cookieOf('cookie'), await cookieOf('session')];
  const operatorApi = (path: string, body?: unknown) =>
    body === undefined
      ? fetch(stack.url('operator', path), { headers: bearer(operator) })
      : post(stack.url('operator', path), body, bearer(operator));
  const id = `client-${String(randomInt(2 ** 31))}`;
  const made = await operatorApi('/operator/clients', {
    id,
    audiences: ['orders', 'payments'],
    scopes: ['a', 'b'],
  });
  const { client_secret: secret } = (await made.json()) as { client_secret: string };
  const keys = (await (await operatorApi('/operator/keys')).json()) as { items: { kid: string }[] };
  const found = await operatorApi(`/operator/users?email=${VICTIM.email}`);
  const {
    items: [{ id: victim } = { id: '' }],
  } = (await found.json()) as { items: { id: string }[] };
  return {
    pairs: {
      access_token: ['authorization', `Bearer ${held.access_token}`],
      access_cookie: ['cookie', inCookies],
      session_cookie: ['cookie', opaque],
      client: ['authorization', basic(id, secret)],
      service: ['authorization', basic('orders', stack.clientSecrets['orders']!)],
      gateway: ['authorization', basic('gateway', stack.clientSecrets['gateway']!)],
      operator: ['authorization', `Bearer ${operator}`],
      junk: ['authorization', `Bearer ${held.access_token}x`],
    },
    hints: {
      email: [ANN.email, ANN.email, VICTIM.email, 'new@example.test'],
      password: [PASSWORD, PASSWORD, 'x'],
      new_password: ['another password of mine', 'x'],
      current_password: [PASSWORD, PASSWORD, 'x'],
      token: [held.access_token, mailed, 'x'.repeat(43)],
      refresh_token: [held.refresh_token, `${victim}.0.${'A'.repeat(43)}`],
      sid: [held.refresh_token.split('.')[0], victim],
      id: [victim, id, 'first-party', 'orders', 'added'],
      kid: keys.items.map(({ kid }) => kid),
      position: ['1.1', '1.99999999', '0.0', '1'],
      audience: ['orders', 'payments'],
      audiences: ['orders', 'payments'],
      scope: ['a', 'a b', ''],
      headers: [opaque, `Bearer ${held.access_token}`, 'same-origin'],
      client_id: ['first-party', id],
      method: ['GET', 'POST'],
      account_id: [victim],
      cursor: ['1', '1.1', '0'],
    },
  };
}

/** What went wrong, with the request after which it did. */
class Faults {
  readonly all: string[] = [];
  /** Operations that have looked at a request further than at its credentials. */
  readonly reached = new Set<string>();

  note(
    fault: string,
    { method, path, headers, body }: Omit<ArbitraryRequest, 'credentials'>,
  ): void {
    this.all.push(
      `${fault.slice(0, 400)}: ${JSON.stringify({ method, path, body, headers }).slice(0, 1_000)}`,
    );
  }
}

/** Cookies count only with an origin of ours, for what changes something. */
function withCredentials(asked: ArbitraryRequest, pairs: Readonly<Record<string, Pair>>) {
  const own = ['origin', stack.url('gateway')] as const;
  const added = asked.credentials.flatMap((scheme): Pair[] => {
    // Swaps are for gateways, which are services without an audience.
    const isSwap = scheme === 'service' && asked.path.startsWith('/forward-auth');
    return [pairs[isSwap ? 'gateway' : scheme]!, ...(scheme.endsWith('_cookie') ? [own] : [])];
  });
  return { ...asked, headers: [...asked.headers, ...added] };
}

/**
 * Sends arbitrary requests to each operation of a document.
 *
 * @param edge what who stands in between may refuse by itself, by code
 * @param own what is there only for who was signed in first; then each operation must succeed now and then
 */
async function exercise(
  at: string,
  document: OpenApiDocument,
  {
    each = REQUESTS,
    edge = {},
    own = async () => ({}),
  }: {
    each?: number;
    edge?: Readonly<Record<string, number>>;
    own?: (held: Held) => Promise<Hints>;
  } = {},
): Promise<readonly string[]> {
  const answers = new DocumentedAnswers(document);
  const faults = new Faults();
  let held = await credentials();
  const more = await own(held);
  for (const [template, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      // Those of identity end what they are asked with.
      if (template.startsWith('/auth/')) held = await credentials();
      const { pairs, hints } = held;
      const requests = requestsTo(method, template, operation, { ...hints, ...more });
      const name = `${method.toUpperCase()} ${template}`;
      const drawn = fc.sample(requests, { numRuns: each + MORE, seed: SEED });
      for (const [n, arbitrary] of drawn.entries()) {
        if (n >= each && faults.reached.has(name)) break;
        const asked = withCredentials(arbitrary, pairs);
        const sent = await send(at, asked).catch((error: unknown) => String(error));
        if (typeof sent === 'string') {
          faults.note(`${name} ${sent}`, asked);
          continue;
        }
        const { status, type, payload } = sent;
        const [, code = ''] = /"code":"(\w+)"/.exec(payload ?? '') ?? [];
        const before = answers.faults.size;
        if (edge[code] !== status) answers.look(asked.method, template, status, type, payload);
        if (answers.faults.size > before) faults.note([...answers.faults].at(-1)!, asked);
        // Documented everywhere, and never to be seen.
        const isOurs = status === 500 || code === 'database_unavailable';
        if (isOurs) faults.note(`${name} ${String(status)} ${payload ?? ''}`, asked);
        if (more['id'] ? status < 300 : status !== 401 && status !== 403) faults.reached.add(name);
      }
      if (!faults.reached.has(name)) faults.all.push(`${name} was never reached`);
    }
  }
  return faults.all;
}

async function documentAt(at: string, path: string): Promise<OpenApiDocument> {
  const answer = await expectStatus(200, fetch(stack.url(at, path)));
  return (await answer.json()) as OpenApiDocument;
}

it.each([
  ['public', '/auth/openapi.json'],
  ['service', '/openapi.json'],
  ['operator', '/operator/openapi.json'],
])('whatever is sent to the %s listener is answered as documented', async (at, path) => {
  const faults = await exercise(at, await documentAt(at, path));
  expect({ SEED, faults }).toEqual({ SEED, faults: [] });
});

it.each(['orders', 'payments'] as const)('whatever is sent to %s is answered', async (at) => {
  const faults = await exercise(at, SAMPLES[at], { own: anOrder });
  expect({ SEED, faults }).toEqual({ SEED, faults: [] });
});

async function anOrder({ pairs }: Held): Promise<Hints> {
  const order = { item: 'a book', amount_cents: 100 };
  const headers = Object.fromEntries([pairs['access_token']!]);
  const placed = await expectStatus(201, post(stack.url('orders', '/orders'), order, headers));
  const { id } = (await placed.json()) as { id: string };
  return { id: [id], order_id: [id] };
}

/** What the gateway refuses by itself. */
const EDGE = {
  ambiguous_target: 400,
  bad_request: 400,
  body_too_large: 413,
  malformed_credentials: 400,
  multiple_credentials: 400,
  not_found: 404,
  origin_required: 403,
  session_ended: 401,
};

it.each(['identity', 'orders', 'payments'] as const)(
  'whatever is sent through the gateway to %s is answered',
  async (to) => {
    const document =
      to === 'identity' ? await documentAt('gateway', '/auth/openapi.json') : SAMPLES[to];
    const faults = await exercise('gateway', document, { each: 15, edge: EDGE });
    expect({ SEED, faults }).toEqual({ SEED, faults: [] });
  },
);

it('no route of the gateway and the samples is left out', () => {
  const routesOf = (app: string) => [
    ...new Set(
      [
        ...stack
          .running(app)
          .written('stderr')
          .matchAll(/^route (?!HEAD |OPTIONS )(.+)$/gm),
      ]
        .map(([, route = '']) => route.replace(/:(\w+)/g, '{$1}'))
        // Of the management listener.
        .filter((route) => !/ \/(health\/|metrics$)/.test(route)),
    ),
  ];
  for (const [app, { paths }] of Object.entries(SAMPLES)) {
    const tried = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routesOf(app).sort()).toEqual(tried.sort());
  }
  const paths = new Set(routesOf('gateway').map((route) => route.split(' ')[1]));
  expect([...paths].sort()).toEqual([
    '/',
    '/.well-known/*',
    '/auth/*',
    '/oauth/revoke',
    '/oauth/token',
    '/orders',
    '/orders/*',
    '/payments',
    '/payments/*',
  ]);
});

it('whatever gateways ask is answered with what they can make something of', async () => {
  const { pairs } = await credentials();
  const faults = new Faults();
  const statuses = new Set<number>();
  const methods = METHODS.filter((method) => method !== 'CONNECT');
  for (const question of fc.sample(gatewayQuestions(methods), { numRuns: 600, seed: SEED })) {
    const asked = withCredentials(question, pairs);
    const { status, type, headers, payload } = await send('service', asked);
    statuses.add(status);
    const refusal = headers['countersign-problem'];
    const isLet = status === 200 && payload === '' && headers.authorization?.startsWith('Bearer ');
    // Of a path that cannot be decoded the router says so, to whoever can read a body.
    const isSaid =
      refusal === undefined ? asked.path.startsWith('/ext-authz/') : payload === refusal;
    const isRefused =
      [400, 401, 403, 503].includes(status) &&
      type === 'application/problem+json' &&
      (asked.method === 'HEAD' ||
        (isSaid && (JSON.parse(payload ?? '') as { status: number }).status === status));
    if (!isLet && !isRefused) faults.note(`${String(status)} ${payload ?? ''}`, asked);
  }
  expect({ SEED, faults: faults.all }).toEqual({ SEED, faults: [] });
  expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 400, 401]));
});
