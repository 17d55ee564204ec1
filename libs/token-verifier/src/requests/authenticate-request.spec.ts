import { describe, expect, test } from '@jest/globals';
import type { AccessToken } from '../tokens/access-token.js';
import { authenticateRequest } from './authenticate-request.js';
import { TokenRejected, VerifierUnavailable } from '../errors.js';

const token = { subject: 'anna', scopes: ['orders:read'] } as unknown as AccessToken;
const accepting = { verify: () => Promise.resolve(token) };
const failingWith = (error: Error) => ({ verify: () => Promise.reject(error) });
const headers = ['Host', 'api.example.com', 'Authorization', 'Bearer a.b.c'];

describe('a request is let in with its token, or refused with an answer', () => {
  test('a good token with the scopes asked for', async () => {
    await expect(authenticateRequest(accepting, headers)).resolves.toEqual({ token });
    await expect(
      authenticateRequest(accepting, headers, { scopes: ['orders:read'] }),
    ).resolves.toEqual({ token });
  });

  test.each([
    ['no credentials', accepting, [], [], 401, 'credentials_required'],
    ['two headers', accepting, [...headers, ...headers], [], 400, 'multiple_credentials'],
    ['a scope too few', accepting, headers, ['orders:write'], 403, 'insufficient_scope'],
    ['a bad token', failingWith(new TokenRejected('expired', '')), headers, [], 401, 'expired'],
    [
      'no decision',
      failingWith(new VerifierUnavailable('keys_unreachable', '')),
      headers,
      [],
      503,
      'keys_unreachable',
    ],
  ])('%s', async (_, verifier, rawHeaders, scopes, status, code) => {
    const { token, refusal } = await authenticateRequest(verifier, rawHeaders, { scopes });
    expect(token).toBeUndefined();
    expect(refusal).toMatchObject({ status, problem: { code } });
    expect(refusal?.headers['content-type']).toBe('application/problem+json');
  });

  test('the audience of the route goes to the verifier', async () => {
    const asked: unknown[] = [];
    const verify = (_: string, options?: object) => {
      asked.push(options);
      return Promise.resolve(token);
    };
    await authenticateRequest({ verify }, headers, { audience: 'payments' });
    await authenticateRequest({ verify }, headers);
    expect(asked).toEqual([{ audience: 'payments' }, {}]);
  });

  test('a mistake of the programmer is no answer', async () => {
    const mistake = new TypeError('verify needs an audience');
    await expect(authenticateRequest(failingWith(mistake), headers)).rejects.toBe(mistake);
  });
});
