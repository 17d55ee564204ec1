import { checkPrimeSync, generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readPrivateKey, UnusablePrivateKey } from './private-key-text.js';
import { requireSoundRsaKey } from './sound-rsa-key.js';

const rsa = (modulusLength: number, publicExponent = 65537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;
const good = rsa(2048);
const pkcs8 = good.export({ format: 'pem', type: 'pkcs8' }).toString();
const pkcs1 = good.export({ format: 'pem', type: 'pkcs1' }).toString();
const jwk = good.export({ format: 'jwk' });

const accept = async (text: string): Promise<string> => {
  const key = readPrivateKey(text);
  await requireSoundRsaKey(key);
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
};

it.each([
  ['PKCS #8', pkcs8],
  ['PKCS #1', pkcs1],
  ['PEM with text around it', `from the old server\n${pkcs8}\n`],
  ['a JWK', JSON.stringify(jwk)],
  ['a JWK with more members', JSON.stringify({ ...jwk, alg: 'RS256', use: 'sig', kid: 'old' })],
])('a key as %s is read', async (_name, text) => {
  expect(await accept(text)).toBe(pkcs8);
});

const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const encrypted = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

it.each<[string, string, RegExp]>([
  ['nothing', '', /neither PEM nor a JWK/],
  ['something else', 'hello', /neither PEM nor a JWK/],
  ['too much', 'x'.repeat(70_000), /too long/],
  ['an encrypted PKCS #8', good.export({ ...encrypted, type: 'pkcs8' }).toString(), /is encrypted/],
  ['an encrypted PKCS #1', good.export({ ...encrypted, type: 'pkcs1' }).toString(), /is encrypted/],
  [
    'a public key',
    generateKeyPairSync('rsa', { modulusLength: 2048 })
      .publicKey.export({ format: 'pem', type: 'spki' })
      .toString(),
    /"PUBLIC KEY" is not an RSA private/,
  ],
  ['two keys', pkcs8 + pkcs8, /more than one/],
  ['a broken PEM', pkcs8.replace(/\n.{40}/, '\n'), /malformed/],
  ['another algorithm', pem(ec.privateKey), /not an RSA key/],
  [
    'RSA-PSS',
    pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey),
    /not an RSA key/,
  ],
  ['1024 bits', pem(rsa(1024)), /has 1024 bits: at least 2048/],
  ['2047 bits', pem(rsa(2047)), /has 2047 bits/],
  ['a small exponent', pem(rsa(2048, 3)), /exponent must be odd, and from 65537/],
  ['bad JSON', '{', /not JSON/],
  [
    'a public JWK',
    JSON.stringify({ kty: 'RSA', n: jwk.n, e: jwk.e }),
    /look at d, p, q, dp, dq, qi$/,
  ],
  [
    'a JWK for something else',
    JSON.stringify({ ...jwk, alg: 'RS512', use: 'enc', key_ops: ['verify'] }),
    /look at alg, use, key_ops$/,
  ],
  ['a JWK with more primes', JSON.stringify({ ...jwk, oth: [] }), /look at oth/],
])('%s is refused, and nothing of it is shown', async (_name, text, message) => {
  const attempt = accept(text);
  await expect(attempt).rejects.toThrow(UnusablePrivateKey);
  await expect(attempt).rejects.toThrow(message);
  const { message: shown } = (await attempt.catch((error: unknown) => error)) as Error;
  expect(shown).not.toMatch(/[\w+/-]{30,}/);
});

const toText = (value: bigint) => {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
};
const toNumber = (text = '') => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
function inverse(a: bigint, modulus: bigint): bigint {
  let [r, s, x, y] = [modulus, a % modulus, 0n, 1n];
  while (s !== 0n) [r, s, x, y] = [s, r % s, y, x - (r / s) * y];
  return ((x % modulus) + modulus) % modulus;
}
/** The JWK of two numbers that may or may not be fit to be the primes of one. */
function jwkOf(p: bigint, q: bigint, e = 65537n): string {
  const d = inverse(e, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const members = Object.entries(numbers).map(([name, value]) => [name, toText(value)]);
  return JSON.stringify({ kty: 'RSA', ...Object.fromEntries(members) });
}
const prime = (bits: number) => generatePrimeSync(bits, { bigint: true });
const top = (bits: number) => 3n << BigInt(bits - 2);
function nextPrime(from: bigint): bigint {
  let n = from | 1n;
  while (!checkPrimeSync(n)) n += 2n;
  return n;
}

it('keys that are put together by hand are taken, when they are right', async () => {
  await expect(accept(jwkOf(top(1024) + prime(1000), top(1024) + prime(999)))).rejects.toThrow(
    /not a prime|too close/,
  );
  const [p, q] = [nextPrime(top(1024) + prime(1022)), nextPrime(top(1024) + prime(1020))];
  await expect(accept(jwkOf(p, q))).resolves.toContain('PRIVATE KEY');
});

it.each<[string, () => string, RegExp]>([
  [
    'primes that are close to each other',
    () => {
      const p = nextPrime(top(1024) + prime(1022));
      return jwkOf(p, nextPrime(p + 2n));
    },
    /too close/,
  ],
  [
    'primes of very different size',
    () => jwkOf(nextPrime(top(1400)), nextPrime(top(648))),
    /too different/,
  ],
  [
    'a modulus with a divisor',
    () => jwkOf((top(1024) + prime(1000)) | 1n, nextPrime(top(1024) + prime(1022))),
    /not a prime/,
  ],
  [
    'another private exponent',
    () => JSON.stringify({ ...jwk, d: toText(toNumber(jwk.d) + 2n) }),
    /malformed|private exponent/,
  ],
  [
    'another dp',
    () => JSON.stringify({ ...jwk, dp: toText(toNumber(jwk.dp) + 2n) }),
    /malformed|do not belong/,
  ],
  [
    'another qi',
    () => JSON.stringify({ ...jwk, qi: toText(toNumber(jwk.qi) - 2n) }),
    /malformed|do not belong/,
  ],
  [
    'another modulus',
    () => JSON.stringify({ ...jwk, n: rsa(2048).export({ format: 'jwk' }).n }),
    /malformed|not those of its modulus/,
  ],
  ['primes of a broken chip', () => jwkOf(rocaPrime(), rocaPrime()), /CVE-2017-15361/],
])('a key with %s is refused', async (_name, make, message) => {
  await expect(accept(make())).rejects.toThrow(message);
});

/** A prime that is a power of 65537 modulo the product of small primes. */
function rocaPrime(): bigint {
  const primes = [2n];
  for (let n = 3n; n <= 167n; n += 2n) if (primes.every((p) => n % p !== 0n)) primes.push(n);
  const product = primes.reduce((a, b) => a * b);
  for (;;) {
    let residue = 1n;
    for (let a = prime(16); a > 0n; a -= 1n) residue = (residue * 65537n) % product;
    const from = (top(1024) + prime(1000)) / product;
    for (let k = from; k < from + 2_000n; k += 1n) {
      const candidate = k * product + residue;
      if (checkPrimeSync(candidate)) return candidate;
    }
  }
}
