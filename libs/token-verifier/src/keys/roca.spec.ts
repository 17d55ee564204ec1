import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { hasRocaFingerprint } from './roca.js';

const toNumber = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);

/** The product of the first 126 primes, as the library had it for keys of 2048 bits. */
const M = firstPrimes(126).reduce((product, prime) => product * BigInt(prime), 1n);

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let number = 2; primes.length < count; number += 1) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes;
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** A number of the form that its primes had. Whether it is prime the fingerprint does not ask. */
const rocaFactor = () =>
  ((1n << 1023n) / M + toNumber(randomBytes(6))) * M +
  powerModulo(65537n, toNumber(randomBytes(16)), M);

it('finds the fingerprint in what the flawed library made', () => {
  for (let n = 0; n < 20; n += 1) {
    expect(hasRocaFingerprint(rocaFactor() * rocaFactor())).toBe(true);
  }
});

it('needs both factors to be of that kind', () => {
  const other = (1n << 1023n) + toNumber(randomBytes(100)) * 2n + 1n;
  expect(hasRocaFingerprint(rocaFactor() * other)).toBe(false);
});

it('does not find it in twenty ordinary keys', () => {
  for (let n = 0; n < 20; n += 1) {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: n < 2 ? 2048 : 1024 });
    const modulus = toNumber(Buffer.from(publicKey.export({ format: 'jwk' }).n!, 'base64url'));
    expect(hasRocaFingerprint(modulus)).toBe(false);
  }
});
