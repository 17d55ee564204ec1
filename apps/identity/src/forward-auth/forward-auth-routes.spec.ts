import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { answerToUnusableCredentials } from '@countersign/token-verifier';
import { domainProblem } from '../listeners/problems.js';
import { DomainError } from '../platform/domain-error.js';
import type { AskedRequest, ForwardAuthAnswer } from './forward-auth.js';
import { addForwardAuthRoutes } from './forward-auth-routes.js';
import { GatewayPeers } from './gateway-peers.js';

const FORWARDED = {
  'x-forwarded-method': 'POST',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'api.example',
  'x-forwarded-uri': '/orders',
};
const ORIGINAL = { 'x-original-method': 'POST', 'x-original-url': 'https://api.example/orders' };

let outcome: ForwardAuthAnswer | Error;
let asked: AskedRequest | undefined;
let app: FastifyInstance;
beforeEach(async () => {
  outcome = { authorization: 'Bearer a.b.c' };
  asked = undefined;
  app = fastify();
  addForwardAuthRoutes(app, {
    forwardAuth: {
      answer: (request) => {
        asked = request;
        return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
      },
    },
    peers: new GatewayPeers(['127.0.0.1']),
    problemOf: domainProblem,
  });
  await app.ready();
});
afterEach(() => app.close());

const ask = (url: string, headers = {}, method = 'GET', remoteAddress = '127.0.0.1') =>
  app.inject({ method: method as 'GET', url, headers, remoteAddress });
const orders = (headers = {}) => ask('/auth-request?audience=orders', { ...ORIGINAL, ...headers });

it.each([
  ['/forward-auth?audience=orders', FORWARDED],
  ['/auth-request?audience=orders', ORIGINAL],
])('%s: a good request gets the one header to send on, and nothing else', async (url, headers) => {
  const answer = await ask(url, { ...headers, cookie: 'a=b' });
  expect(answer.statusCode).toBe(200);
  expect(answer.body).toBe('');
  expect(Object.keys(answer.headers).sort()).toEqual([
    'authorization',
    'connection',
    'content-length',
    'date',
  ]);
  expect(answer.headers.authorization).toBe('Bearer a.b.c');
  expect(asked).toMatchObject({ audience: 'orders', method: 'POST' });
  expect(asked!.rawHeaders.join(' ')).toMatch(/cookie a=b/);
});

it.each(['GET', 'POST', 'PURGE', 'PROPFIND', 'DELETE'])('Envoy may ask by %s', async (method) => {
  const answer = await ask(
    '/ext-authz/payments/1?audience=orders',
    { 'content-type': 'a/b' },
    method,
  );
  expect([answer.statusCode, asked?.audience, asked?.method]).toEqual([200, 'payments', method]);
});

it('who is no peer is refused, whatever a header says of where they are', async () => {
  const headers = { ...ORIGINAL, 'x-forwarded-for': '127.0.0.1' };
  const answer = await ask('/auth-request?audience=orders', headers, 'GET', '192.0.2.1');
  expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'forbidden']);
  expect(asked).toBeUndefined();
});

it('what is not said is a 400, and nobody is looked up', async () => {
  const answer = await ask('/auth-request?audience=orders', FORWARDED);
  expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([
    400,
    'metadata_rejected',
  ]);
  expect(asked).toBeUndefined();
});

it('a refusal has its challenge, its document, and that on one line', async () => {
  outcome = { refusal: answerToUnusableCredentials('credentials_required') };
  const { statusCode, headers, body } = await orders();
  expect(statusCode).toBe(401);
  expect(headers).toMatchObject({
    'www-authenticate': 'Bearer realm="countersign"',
    'content-type': expect.stringMatching(/^application\/problem\+json/),
    'countersign-problem': body,
  });
  expect(headers).not.toHaveProperty('authorization');
});

it.each([
  [new DomainError('session_ended'), 401, 'session_ended'],
  [new DomainError('database_unavailable'), 503, 'database_unavailable'],
  [new DomainError('unknown_session'), 503, 'unavailable'],
  [new TypeError('a bug'), 503, 'unavailable'],
])('what goes wrong is 401 or 503, never another status: %s', async (error, status, code) => {
  outcome = error;
  const answer = await orders();
  expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
});
