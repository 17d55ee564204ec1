import { readSwapAnswer } from './swap-answer.js';

const problem = (status: number, code: string) => ({
  type: `urn:countersign:error:${code}`,
  title: 'a test',
  status,
  code,
});
const answer = (status: number, body: unknown, headers = {}) => ({ status, headers, body });

test('a token is taken out of its header', () => {
  expect(readSwapAnswer(answer(200, { authorization: 'Bearer a.b.c', later: 1 }))).toEqual({
    token: 'a.b.c',
  });
});

test('of a refusal the client gets what is meant for it', () => {
  const headers = { 'www-authenticate': 'Bearer', 'retry-after': '2', 'set-cookie': ['a=b'] };
  const refusal = { ...problem(401, 'session_ended'), secret: 'x', errors: [] };
  expect(readSwapAnswer(answer(401, refusal, headers))).toEqual({
    refusal: {
      problem: problem(401, 'session_ended'),
      headers: { 'www-authenticate': 'Bearer', 'retry-after': '2' },
    },
  });
});

test.each([
  ['no body', 200, undefined],
  ['no token', 200, {}],
  ['something else than a token', 200, { authorization: 'Basic YTpi' }],
  ['two lines', 200, { authorization: 'Bearer a.b.c\nx: y' }],
  ['a fault', 500, problem(500, 'internal_error')],
  ['a page', 401, '<html>'],
  ['a refusal under another status', 404, problem(401, 'session_ended')],
  ['a redirect', 302, {}],
  ['that we are not known', 401, problem(401, 'client_credentials_rejected')],
  ['that we are no gateway', 403, problem(403, 'forbidden')],
  ['that we ask in the wrong way', 400, problem(400, 'invalid_input')],
])('%s is no answer', (_, status, body) => {
  expect(() => readSwapAnswer(answer(status, body))).toThrow(/swap/);
});
