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
import { bearer, expectStatus, post, Stack } from './stack.js';

jest.setTimeout(240_000);

/** Of each operation. */
const REQUESTS = 40;
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
  stack = await Stack.start(['identity'], { FORWARD_AUTH_PEERS: '127.0.0.1,::1' });
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

/** Sends exactly these headers. An answer without end is not read. */
async function send(
  at: string,
  { method, path, headers, body }: Omit<ArbitraryRequest, 'credentials'>,
): Promise<Sent> {
  const { host, port } = new URL(stack.url(at));
  const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))];
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
async function credentials(): Promise<{ pairs: Readonly<Record<string, Pair>>; hints: Hints }> {
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

it.each([
  ['public', '/auth/openapi.json'],
  ['service', '/openapi.json'],
  ['operator', '/operator/openapi.json'],
])('whatever is sent to the %s listener is answered as documented', async (at, path) => {
  const answer = await expectStatus(200, fetch(stack.url(at, path)));
  const document = (await answer.json()) as OpenApiDocument;
  const answers = new DocumentedAnswers(document);
  const faults = new Faults();
  let held = await credentials();
  for (const [template, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (at === 'public') held = await credentials();
      const { pairs, hints } = held;
      const requests = requestsTo(method, template, operation, hints);
      const name = `${method.toUpperCase()} ${template}`;
      for (const arbitrary of fc.sample(requests, { numRuns: REQUESTS, seed: SEED })) {
        const asked = withCredentials(arbitrary, pairs);
        const sent = await send(at, asked).catch((error: unknown) => String(error));
        if (typeof sent === 'string') {
          faults.note(`${name} ${sent}`, asked);
          continue;
        }
        const { status, type, payload } = sent;
        const before = answers.faults.size;
        answers.look(asked.method, template, status, type, payload);
        if (answers.faults.size > before) faults.note([...answers.faults].at(-1)!, asked);
        // Documented everywhere, and never to be seen.
        const isOurs = status === 500 || /"code":"database_unavailable"/.test(payload ?? '');
        if (isOurs) faults.note(`${name} ${String(status)} ${payload ?? ''}`, asked);
        if (status !== 401 && status !== 403) faults.reached.add(name);
      }
      if (!faults.reached.has(name)) faults.all.push(`${name} was never reached`);
    }
  }
  expect({ SEED, faults: faults.all }).toEqual({ SEED, faults: [] });
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
