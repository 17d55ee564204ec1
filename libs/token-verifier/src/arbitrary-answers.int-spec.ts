import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { createTokenVerifier } from './create-token-verifier.js';
import { isTokenRejected, isVerifierUnavailable } from './errors.js';
import { readKeySetText } from './keys/key-set.js';
import type { TokenVerifier } from './token-verifier.js';

jest.setTimeout(120_000);

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' };
const goodSet = JSON.stringify({ keys: [jwk] });

/** What an issuer may answer: anything, or the good set with something wrong. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** How the body says it is compressed; it is not. */
  readonly encoding: string | undefined;
  readonly body: Buffer;
  readonly cutOff: boolean;
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.json({ maxDepth: 5 }),
  fc.record({ keys: fc.array(fc.jsonValue(), { maxLength: 5 }) }).map((set) => JSON.stringify(set)),
  // A key with one member replaced, beside the good one or alone.
  fc
    .tuple(fc.constantFrom(...Object.keys(jwk), 'key_ops', 'd'), fc.jsonValue(), fc.boolean())
    .map(([member, value, alone]) => {
      const changed = { ...jwk, kid: 'k2', [member]: value };
      return JSON.stringify({ keys: alone ? [changed] : [jwk, changed] });
    }),
  // The good set with a piece of it replaced.
  fc
    .tuple(fc.nat(goodSet.length), fc.nat(5), fc.string({ unit: 'binary', maxLength: 5 }))
    .map(([at, removed, put]) => goodSet.slice(0, at) + put + goodSet.slice(at + removed)),
);

const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof({ weight: 3, arbitrary: fc.constant(200) }, fc.integer({ min: 200, max: 599 })),
  headers: fc.dictionary(
    fc.constantFrom('content-type', 'cache-control', 'etag', 'location', 'age'),
    fc.oneof(
      fc.constantFrom('max-age=1e9', 'max-age=-1', '"x"', 'W/"', '/'),
      fc.stringMatching(/^[\x21-\x7e]{0,40}$/),
    ),
  ),
  encoding: fc.option(fc.constantFrom('gzip', 'br', 'deflate'), { freq: 10, nil: undefined }),
  body: text.map((content) => Buffer.from(content)),
  cutOff: fc.boolean(),
});

function tokenOf(issuer: string, kid: string): string {
  const iat = Math.floor(Date.now() / 1000);
  const parts = [
    { alg: 'RS256', typ: 'at+jwt', kid },
    { iss: issuer, sub: 'u', aud: 'a', client_id: 'c', jti: 'j', iat, exp: iat + 300 },
  ];
  const input = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${createSign('sha256').update(input).sign(pair.privateKey, 'base64url')}`;
}

async function outcome(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (isTokenRejected(error) || isVerifierUnavailable(error)) return error.code;
    throw error;
  }
}

/** Whether an answer is a key set that a verifier must believe, and what it then holds. */
function believable({ status, encoding, body, cutOff }: Answer): readonly string[] | undefined {
  if (status !== 200 || cutOff) return undefined;
  if (encoding !== undefined) return undefined;
  try {
    return [...readKeySetText(body).keys.keys()];
  } catch {
    return undefined;
  }
}

it('whatever an issuer answers, a token is accepted under a believable key only, and every refusal is one of the two families, in time', async () => {
  let current: Answer | undefined;
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const issuer = `http://127.0.0.1:${String(port)}`;
    if (request.url === '/metadata') {
      response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks` }));
      return;
    }
    const { status, headers, encoding, body, cutOff } = current!;
    response.writeHead(status, { ...headers, ...(encoding && { 'content-encoding': encoding }) });
    if (cutOff) response.write(body.subarray(0, body.length / 2), () => response.destroy());
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const [good, other] = [tokenOf(issuer, 'k1'), tokenOf(issuer, 'k2')];
  const goodAnswer = {
    ...{ status: 200, headers: {}, encoding: undefined },
    ...{ body: Buffer.from(goodSet), cutOff: false },
  };
  let slowest = 0;
  try {
    await fc.assert(
      fc.asyncProperty(answer, async (given) => {
        current = goodAnswer;
        const verifier = createTokenVerifier({
          issuer,
          audience: 'a',
          discoveryUrl: `${issuer}/metadata`,
          revocation: 'none',
        });
        try {
          await verifier.ready();
          current = given;
          const start = performance.now();
          const kids = believable(given);
          // Its kid is unknown, so the answer is asked for.
          const decided = await outcome(verifier, other);
          slowest = Math.max(slowest, performance.now() - start);
          expect(['accepted', 'unknown_key', 'keys_unreachable', 'bad_signature']).toContain(
            decided,
          );
          if (decided === 'accepted') expect(kids).toContain('k2');
          if (decided === 'unknown_key') expect(kids).toBeDefined();
          // What is not a believable set leaves the good one in force.
          if (kids === undefined) expect(await outcome(verifier, good)).toBe('accepted');
        } finally {
          await verifier.close();
        }
      }),
      { numRuns: 300 },
    );
  } finally {
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
  }
  expect(slowest).toBeLessThan(20_000);
});
