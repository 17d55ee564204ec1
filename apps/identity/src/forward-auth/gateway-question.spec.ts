import { answerToUnusableCredentials } from '@countersign/token-verifier';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { domainProblem } from '../listeners/problems.js';
import { DomainError } from '../platform/domain-error.js';
import type { AskedRequest, ForwardAuthAnswer } from './forward-auth.js';
import { addGatewayQuestion } from './gateway-question.js';

const QUESTION = { audience: 'orders', method: 'GET', headers: [['cookie', 'a=b']] };

let outcome: ForwardAuthAnswer | Error;
let sender: boolean | Error;
let asked: AskedRequest | undefined;
let app: FastifyInstance;
beforeEach(async () => {
  outcome = { authorization: 'Bearer a.b.c' };
  sender = true;
  asked = undefined;
  const settled = <T>(value: T | Error) =>
    value instanceof Error ? Promise.reject<T>(value) : Promise.resolve(value);
  app = fastify();
  addGatewayQuestion(app, {
    forwardAuth: {
      answer: (request) => {
        asked = request;
        return settled(outcome);
      },
    },
    isGateway: () => settled(sender),
    problemOf: domainProblem,
  });
  await app.ready();
});
afterEach(() => app.close());

async function ask(payload: string | object = QUESTION, type = 'application/json') {
  const headers = { 'content-type': type };
  const answer = await app.inject({ method: 'POST', url: '/forward-auth', headers, payload });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<object>() };
}

it('a gateway is told what to send on', async () => {
  const headers = [
    ['cookie', 'a=b'],
    ['origin', 'x'],
    ['origin', 'y'],
  ];
  const { status, body } = await ask({ ...QUESTION, headers });
  expect([status, body]).toEqual([200, { authorization: 'Bearer a.b.c' }]);
  expect(asked).toEqual({ audience: 'orders', method: 'GET', rawHeaders: headers.flat() });
});

it.each([
  [false, 403, 'forbidden'],
  [new DomainError('client_credentials_rejected'), 401, 'client_credentials_rejected'],
])('whoever is no gateway is told so, whatever they send: %s', async (is, status, code) => {
  sender = is;
  for (const payload of [QUESTION, '{'])
    expect(await ask(payload)).toMatchObject({ status, body: { code } });
  expect(asked).toBeUndefined();
});

it.each<[string | object, string, number, object]>([
  ['{', 'application/json', 400, { code: 'invalid_json' }],
  ['{"__proto__": 1}', 'application/json', 400, { code: 'invalid_json' }],
  ['a=b', 'application/x-www-form-urlencoded', 415, { code: 'unsupported_media_type' }],
  [
    { ...QUESTION, headers: undefined },
    'application/json',
    400,
    { errors: [{ pointer: '/headers' }] },
  ],
  [{ ...QUESTION, x: 1 }, 'application/json', 400, { errors: [{ pointer: '/x' }] }],
  [
    { ...QUESTION, headers: [['x-user', 'admin']] },
    'application/json',
    400,
    { errors: [{ pointer: '/headers/0/0' }] },
  ],
])('%j as %s is no question', async (payload, type, status, body) => {
  expect(await ask(payload, type)).toMatchObject({ status, body });
  expect(asked).toBeUndefined();
});

it('a refusal is what its client is to get', async () => {
  outcome = { refusal: answerToUnusableCredentials('credentials_required') };
  expect(await ask()).toMatchObject({
    status: 401,
    headers: {
      'content-type': expect.stringMatching(/^application\/problem\+json/),
      'www-authenticate': 'Bearer realm="countersign"',
    },
    body: { code: 'credentials_required' },
  });
});

it.each([
  [new DomainError('session_ended'), 401, { code: 'session_ended' }],
  [new DomainError('overloaded', 'x', { retryAfterSeconds: 9 }), 503, { code: 'overloaded' }],
  [new TypeError('a bug'), 500, { code: 'internal_error' }],
])('what goes wrong is a problem document: %s', async (error, status, body) => {
  outcome = error;
  const answer = await ask();
  expect(answer).toMatchObject({ status, body });
  expect(JSON.stringify(answer.body)).not.toContain('bug');
});
