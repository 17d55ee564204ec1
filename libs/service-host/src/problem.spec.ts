import { HttpException, NotFoundException } from '@nestjs/common';
import { toProblemAnswer } from './problem-filter.js';
import { ProblemError } from './problem.js';

const fastifyError = (statusCode: number, code: string) =>
  Object.assign(new Error('with the raw input in it'), { statusCode, code });

it.each<[string, unknown, number, string]>([
  ['our own', new ProblemError('invalid_input'), 400, 'invalid_input'],
  ["Nest's", new NotFoundException('Cannot GET /secret'), 404, 'not_found'],
  [
    'a body that is too large',
    fastifyError(413, 'FST_ERR_CTP_BODY_TOO_LARGE'),
    413,
    'body_too_large',
  ],
  [
    'a content type',
    fastifyError(415, 'FST_ERR_CTP_INVALID_MEDIA_TYPE'),
    415,
    'unsupported_media_type',
  ],
  ['malformed JSON', fastifyError(400, 'FST_ERR_CTP_INVALID_JSON_BODY'), 400, 'invalid_json'],
  ['a plain Nest exception of another kind', new HttpException('secret', 403), 403, 'forbidden'],
  [
    'a status of the client that is not in the table',
    fastifyError(418, 'TEAPOT'),
    400,
    'bad_request',
  ],
  ['anything else', new Error('internals'), 500, 'internal_error'],
  ['no error at all', 'text', 500, 'internal_error'],
  ['nothing', undefined, 500, 'internal_error'],
])('%s', (_name, error, status, code) => {
  const { problem } = toProblemAnswer(error);
  expect(problem).toMatchObject({ status, code, type: `urn:countersign:error:${code}` });
  expect(JSON.stringify(problem)).not.toMatch(/raw input|internals|secret/);
});

it('a problem document that somebody else made passes as it is', () => {
  const problem = { type: 'urn:x', title: 'x', status: 409, code: 'x' };
  expect(toProblemAnswer(new HttpException(problem, 409)).problem).toEqual(problem);
});

it('says when to come back', () => {
  expect(
    toProblemAnswer(new ProblemError('unavailable', { retryAfterSeconds: 3 })).headers,
  ).toEqual({ 'retry-after': '3' });
});
