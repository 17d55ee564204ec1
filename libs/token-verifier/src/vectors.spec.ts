import { readFileSync } from 'node:fs';
import { isTokenRejected, REJECTION_CODES } from './errors.js';
import type { RejectionCode } from './errors.js';
import { parseKeySet } from './keys/key-set.js';
import { TokenVerifier } from './token-verifier.js';

interface Vectors {
  issuer: string;
  audience: string;
  now: number;
  jwks: object;
  cases: {
    ref: string;
    name: string;
    token: string;
    code: RejectionCode | null;
    reason: string | null;
  }[];
}

const file = new URL('../../../vectors/access-tokens.json', import.meta.url);
const { issuer, audience, now, jwks, cases } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const none = async () => undefined;
const keys = parseKeySet(jwks);
const verifier = new TokenVerifier({
  issuer,
  audience,
  keys: {
    start: () => undefined,
    current: () => keys,
    refreshForUnknownKey: none,
    state: () => ({ kids: ['k1'], ageSeconds: 0 }),
    close: none,
  },
  clock: { wallMs: () => now * 1000, monotonicMs: () => 0 },
  clockToleranceSeconds: 5,
  maxLifetimeSeconds: 3600,
  staleness: { softSeconds: 10, hardSeconds: 60 },
});
afterAll(() => verifier.close());

it.each(cases)('$ref $name: $code', async ({ token, code, reason }) => {
  // Twice: what is remembered must not change the answer.
  for (let time = 0; time < 2; time += 1) {
    const error: unknown = await verifier.verify(token).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error === null || !isTokenRejected(error)) {
      expect(error).toBe(code);
      continue;
    }
    expect(error.code).toBe(code);
    expect(error.reason).toBe(reason);
    for (const part of token.split('.'))
      if (part.length > 12) expect(error.message).not.toContain(part);
  }
});

it('every code but "revoked" has a vector', () => {
  const seen = new Set(cases.map(({ code }) => code));
  expect(REJECTION_CODES.filter((code) => !seen.has(code))).toEqual(['revoked']);
});
