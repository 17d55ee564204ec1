import { describe, expect, test } from '@jest/globals';
import {
  REJECTION_CODES,
  TokenRejected,
  UNAVAILABILITY_CODES,
  VerifierUnavailable,
} from '../errors.js';
import {
  answerToMissingScope,
  answerToUnacceptedToken,
  answerToUnusableCredentials,
  answerToVerifyError,
} from './http-answer.js';

const problemJson = { 'content-type': 'application/problem+json' };

describe('refusals over HTTP', () => {
  test.each(REJECTION_CODES)('a token rejected as %s is answered 401', (code) => {
    const answer = answerToVerifyError(new TokenRejected(code, 'only for the log'));
    expect(answer).toEqual({
      status: 401,
      headers: { ...problemJson, 'www-authenticate': 'Bearer error="invalid_token"' },
      problem: {
        type: `urn:countersign:error:${code}`,
        status: 401,
        code,
        title: expect.any(String),
      },
    });
    expect(JSON.stringify(answer)).not.toContain('only for the log');
  });

  test.each(UNAVAILABILITY_CODES)(
    'no decision (%s) is answered 503, without a challenge',
    (code) => {
      expect(answerToVerifyError(new VerifierUnavailable(code, 'reason'))).toEqual({
        status: 503,
        headers: { ...problemJson, 'retry-after': '5' },
        problem: {
          type: `urn:countersign:error:${code}`,
          status: 503,
          code,
          title: expect.any(String),
        },
      });
    },
  );

  test('other errors are not ours to answer', () => {
    expect(answerToVerifyError(new TypeError('a bug'))).toBeUndefined();
    expect(answerToVerifyError(undefined)).toBeUndefined();
  });

  test('without credentials the challenge carries no error', () => {
    const { status, headers } = answerToUnusableCredentials('credentials_required');
    expect(status).toBe(401);
    expect(headers).toEqual({ ...problemJson, 'www-authenticate': 'Bearer realm="countersign"' });
  });

  test.each(['malformed_credentials', 'multiple_credentials'] as const)(
    '%s is answered 400',
    (code) => {
      const { status, headers, problem } = answerToUnusableCredentials(code);
      expect({ status, code: problem.code }).toEqual({ status: 400, code });
      expect(headers).toEqual({
        ...problemJson,
        'www-authenticate': 'Bearer error="invalid_request"',
      });
    },
  );

  test('a cookie of unknown origin is answered 403, without a challenge: a token would not help', () => {
    const { status, headers, problem } = answerToUnusableCredentials('origin_required');
    expect({ status, headers, code: problem.code }).toEqual({
      status: 403,
      headers: problemJson,
      code: 'origin_required',
    });
  });

  test('a token that only the application refuses is answered 401', () => {
    const { status, headers, problem } = answerToUnacceptedToken();
    expect({ status, headers, code: problem.code }).toEqual({
      status: 401,
      headers: { ...problemJson, 'www-authenticate': 'Bearer error="invalid_token"' },
      code: 'token_not_accepted',
    });
  });

  test('a missing scope is answered 403 and the challenge names every required scope', () => {
    const { status, headers } = answerToMissingScope(['orders:read', 'orders:write']);
    expect(status).toBe(403);
    expect(headers).toEqual({
      ...problemJson,
      'www-authenticate': 'Bearer error="insufficient_scope", scope="orders:read orders:write"',
    });
  });
});
