import { checkPrime } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { UnusablePrivateKey } from './private-key-text.js';

const isPrime = promisify(checkPrime);

/** Below, a key can be broken; above, each verification costs services more than it should. Keys that we make have 2048. */
const MODULUS_BITS = { min: 2048, max: 4096 };
/** Small exponents forgive faulty padding, large ones make verification slow; verifiers take these. */
const EXPONENT = { min: 65537n, max: 2n ** 32n - 1n };
/** Keys of one kind of chip (CVE-2017-15361, "ROCA") are powers of 65537 modulo all of these. */
const ROCA_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/**
 * Makes sure that a key from elsewhere is an RSA key that is fit to sign: of a size that verifiers take, whose numbers belong
 * together (FIPS 186-5 §A.1.1), and of none of the known weak kinds. It cannot know whether somebody else has it too.
 *
 * @throws {UnusablePrivateKey} naming the first fault
 */
export async function requireSoundRsaKey(key: KeyObject): Promise<void> {
  const refuse = (why: string): never => {
    throw new UnusablePrivateKey(why);
  };
  const { modulusLength: bits = 0, publicExponent: e = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa') refuse('the key is not an RSA key for RS256');
  if (bits < MODULUS_BITS.min) refuse(`the key has ${String(bits)} bits: at least 2048 are needed`);
  if (bits > MODULUS_BITS.max) refuse(`the key has ${String(bits)} bits: at most 4096 are taken`);
  if (e < EXPONENT.min || e > EXPONENT.max || e % 2n === 0n) {
    refuse('the public exponent must be odd, and from 65537 to 2^32');
  }
  const jwk = key.export({ format: 'jwk' });
  const [n, d, p, q] = [jwk.n, jwk.d, jwk.p, jwk.q].map(toNumber) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const [dp, dq, qi] = [jwk.dp, jwk.dq, jwk.qi].map(toNumber) as [bigint, bigint, bigint];

  if (p * q !== n) refuse('its primes are not those of its modulus');
  const half = BigInt(bits) / 2n;
  const apart = p > q ? p - q : q - p;
  if (p >> half !== 0n || q >> half !== 0n || apart >> (half - 100n) === 0n) {
    refuse('its primes are too close to each other, or too different in size');
  }
  if (!(await isPrime(p)) || !(await isPrime(q))) refuse('one of its primes is not a prime');
  if ((e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) {
    refuse('its private exponent does not belong to its public one');
  }
  if (d >> half === 0n) refuse('its private exponent is too small');
  if (dp !== d % (p - 1n) || dq !== d % (q - 1n) || (qi * q) % p !== 1n) {
    refuse('its numbers do not belong together');
  }
  if (ROCA_PRIMES.every((prime) => isPowerOf65537(n, prime))) {
    refuse('it was made by a chip whose keys can be broken (CVE-2017-15361)');
  }
}

function toNumber(value = ''): bigint {
  return BigInt(`0x${Buffer.from(value, 'base64url').toString('hex') || '0'}`);
}

function isPowerOf65537(n: bigint, prime: number): boolean {
  const wanted = Number(n % BigInt(prime));
  let power = 1;
  do {
    if (power === wanted) return true;
    power = (power * 65537) % prime;
  } while (power !== 1);
  return false;
}
