import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { TokenRejected } from '../errors.js';
import type { AccessToken } from '../tokens/access-token.js';
import type { TokenVerifier } from '../token-verifier.js';
import { currentToken, rememberedToken } from './current-token.js';
import { requireToken } from './require-token.js';

const anna = { subject: 'anna', scopes: ['orders:read'] } as unknown as AccessToken;
const rawHeaders = ['Authorization', 'Bearer a.b.c'];
const accepting = { audience: 'orders', verify: async () => anna };
const refusing = {
  audience: 'orders',
  verify: () => Promise.reject(new TokenRejected('expired', 'exp has passed')),
};

/** What became of one request: it went on, or what it was answered. */
function pass(
  verifier: Pick<TokenVerifier, 'verify' | 'audience'>,
  request: { rawHeaders: string[] } | { raw: { rawHeaders: string[] } },
  scopes?: readonly string[],
): Promise<unknown[]> {
  return new Promise((resolve) => {
    const sent: unknown[] = [];
    const guard = requireToken(verifier, scopes ? { scopes } : {});
    const next = () => resolve(['next']);
    if ('raw' in request) {
      const code = (status: number) => void sent.push(status);
      const headers = (values: object) => void sent.push(values);
      const send = (body: unknown) => resolve([...sent, body]);
      guard(request, { sent: false, code, headers, send }, next);
    } else {
      const writeHead = (...head: unknown[]) => void sent.push(...head);
      const end = (body: string) => resolve([...sent, JSON.parse(body)]);
      guard(request, { headersSent: false, writeHead, end }, next);
    }
  });
}

afterEach(() => jest.restoreAllMocks());

it.each([
  ['node:http and Express', { rawHeaders }],
  ['Fastify', { raw: { rawHeaders } }],
])('on %s a good request goes on with its token, and no other does', async (_name, request) => {
  expect(await pass(refusing, request)).toMatchObject([
    401,
    { 'www-authenticate': 'Bearer error="invalid_token"' },
    { code: 'expired' },
  ]);
  expect(rememberedToken(request)).toBeUndefined();
  expect(await pass(accepting, request, ['orders:write'])).toMatchObject([
    403,
    {},
    { code: 'insufficient_scope' },
  ]);
  expect(rememberedToken(request)).toBeUndefined();
  expect(await pass(accepting, request, ['orders:read'])).toEqual(['next']);
  expect(currentToken(request)).toBe(anna);
});

it.each([
  ['a good token', accepting],
  ['a bad one', refusing],
  ['a mistake', { audience: 'orders', verify: () => Promise.reject(new TypeError('a mistake')) }],
])('a request that was answered before %s was judged goes no further', async (_name, verifier) => {
  jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const touched: string[] = [];
  const touch = (what: string) => () => void touched.push(what);
  const nodes = { headersSent: true, writeHead: touch('head'), end: touch('end') };
  const fastifys = {
    sent: true,
    code: touch('code'),
    headers: touch('headers'),
    send: touch('send'),
  };
  const guard = requireToken(verifier);
  guard({ rawHeaders }, nodes, touch('next'));
  guard({ raw: { rawHeaders } }, fastifys, touch('next'));
  await delay(20);
  expect(touched).toEqual([]);
});

it('a mistake in a program is answered 500 and told, and nobody gets in', async () => {
  const mistaken = {
    audience: 'orders',
    verify: () => Promise.reject(new TypeError('a mistake of ours')),
  };
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const answer = await pass(mistaken, { rawHeaders });
  expect(answer).toMatchObject([500, {}, { code: 'internal_error' }]);
  expect(JSON.stringify(answer)).not.toContain('mistake');
  expect(warn.mock.calls).toEqual([
    [expect.stringContaining('a mistake of ours'), 'CountersignFault'],
  ]);
  expect(await pass(accepting, {} as { rawHeaders: string[] })).toMatchObject([500, {}, {}]);
});

it('needs an audience, from the verifier or from the requirements', () => {
  const edge = { ...accepting, audience: null };
  expect(() => requireToken(edge)).toThrow('needs an audience');
  expect(() => requireToken(edge, { audience: 'orders' })).not.toThrow();
});

it.each([
  ['a misspelt requirement', { scope: ['orders:read'] }, 'a request knows no "scope"'],
  ['a scope that is no list', { scopes: 'orders:read' }, 'scopes must be a list'],
])('refuses %s', (_name, requirements, fault) => {
  expect(() => requireToken(accepting, requirements as object)).toThrow(new RegExp(fault));
});
