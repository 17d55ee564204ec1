/** A library for chips made primes of the form `k · M + (65537^a mod M)`, M being the product of the first primes (CVE-2017-15361). */
const GENERATOR = 65537;
/** The primes up to 701 divide M for every such key of 1984 bits or more. */
const PRIMES = primesUpTo(701);

/**
 * Whether a modulus has the fingerprint of ROCA: modulo each of these primes it is a power of 65537. All moduli of that form have it;
 * of others not one in 2^150, and the first few primes tell, so that looking costs microseconds.
 */
export function hasRocaFingerprint(modulus: bigint): boolean {
  return PRIMES.every((prime) => isPower(Number(modulus % BigInt(prime)), prime));
}

function isPower(residue: number, prime: number): boolean {
  const step = GENERATOR % prime;
  let power = 1;
  do {
    if (power === residue) return true;
    power = (power * step) % prime;
  } while (power !== 1);
  return false;
}

/** Without 2: every modulus is odd. */
function primesUpTo(limit: number): readonly number[] {
  const primes: number[] = [];
  for (let number = 3; number <= limit; number += 2) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes;
}
