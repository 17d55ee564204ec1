// Writes key-sets.json: JWKS documents, and what a verifier must make of each. Run it only to add cases: it makes new keys.
// "node vectors/make-key-sets.mjs"
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const second = generateKeyPairSync('rsa', { modulusLength: 3072 });
const publicJwk = ({ publicKey }) => publicKey.export({ format: 'jwk' });
const good = { ...publicJwk(pair), kid: 'k1', alg: 'RS256', use: 'sig' };
const other = { ...publicJwk(second), kid: 'k2', alg: 'RS256', use: 'sig' };
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const encode = (bytes) => Buffer.from(bytes).toString('base64url');
/** An RSA public key of any size, good for no signature. */
const ofBits = (bits, last = 0xff) => {
  const bytes = Buffer.alloc(bits / 8, 0xff);
  bytes[bytes.length - 1] = last;
  return { ...good, n: encode(bytes) };
};
/** 2048 bits, both factors `k · M + 65537^a mod M` (CVE-2017-15361), M being the product of the primes up to 701. */
const rocaModulus = () => {
  const primes = Array.from({ length: 702 }, (_, number) => number).filter(
    (number) =>
      number > 1 &&
      !Array.from({ length: 25 }, (_, n) => n + 2).some((n) => n < number && number % n === 0),
  );
  const M = primes.reduce((product, prime) => product * BigInt(prime), 1n);
  const factor = (a) => ((3n << 1022n) / M + BigInt(a)) * M + (65537n ** BigInt(a) % M);
  return Buffer.from((factor(211) * factor(977)).toString(16), 'hex');
};
const without = (member) => ({ ...good, [member]: undefined });

const cases = [];
const add = (ref, name, document, expected) => {
  const body = typeof document === 'string' ? document : JSON.stringify(document);
  cases.push({ ref, name, body, taken: null, skipped: [], refused: null, ...expected });
};
const take = (ref, name, keys, taken, skipped = []) =>
  add(ref, name, Array.isArray(keys) ? { keys } : keys, { taken, skipped });
const refuse = (ref, name, document, refused) =>
  add(ref, name, Array.isArray(document) ? { keys: document } : document, { refused });

take('-', 'one key', [good], ['k1']);
take('-', 'two keys', [good, other], ['k1', 'k2']);
take('-', 'a key without alg and use', [{ ...publicJwk(pair), kid: 'k1' }], ['k1']);
take('-', 'a key for verifying', [{ ...good, key_ops: ['verify'] }], ['k1']);
take('-', 'unknown members beside, and in the key', { keys: [{ ...good, x: {} }], more: 1 }, [
  'k1',
]);
take('-', 'an RSA key of 8192 bits', [ofBits(8192)], ['k1']);
take(
  '-',
  '32 keys',
  Array.from({ length: 32 }, (_, n) => ({ ...good, kid: `k${n}` })),
  [...Array.from({ length: 32 }, (_, n) => `k${n}`)],
);

const skip = (name, key, reason) =>
  take('C4', `beside a good key: ${name}`, [key, good], ['k1'], [{ index: 0, reason }]);
skip('an EC key', { ...publicJwk(ec), kid: 'e' }, 'another key type');
skip('an EC key with our kid', { ...publicJwk(ec), kid: 'k1' }, 'another key type');
skip('an Ed25519 key', { ...publicJwk(ed), kid: 'e' }, 'another key type');
skip('a key type nobody knows', { kty: 'XYZ', kid: 'x' }, 'another key type');
skip('no key type', { kid: 'x' }, 'another key type');
skip('a key for encryption', { ...other, use: 'enc' }, 'another use');
skip('a use in capitals', { ...other, use: 'SIG' }, 'another use');
skip('a key for PS256', { ...other, alg: 'PS256' }, 'another alg');
skip('a key for RS512', { ...other, alg: 'RS512' }, 'another alg');
skip('a key with alg none', { ...other, alg: 'none' }, 'another alg');
skip('a key with alg null', { ...other, alg: null }, 'another alg');
skip('a key for encrypting only', { ...other, key_ops: ['encrypt'] }, 'not for verifying');
skip('a key for nothing', { ...other, key_ops: [] }, 'not for verifying');
skip('key_ops as text', { ...other, key_ops: 'verify' }, 'not for verifying');
skip('an encryption key of 1024 bits', { ...ofBits(1024), use: 'enc' }, 'another use');

const SECRET = 'a key has private or symmetric members';
refuse(
  'C29',
  'a private key',
  [good, { ...pair.privateKey.export({ format: 'jwk' }), kid: 'k2' }],
  SECRET,
);
refuse('C29', 'only d', [{ ...good, d: 'AQAB' }], SECRET);
refuse(
  'C29',
  'a private EC key',
  [good, { ...ec.privateKey.export({ format: 'jwk' }), kid: 'e' }],
  SECRET,
);
refuse('C29', 'a symmetric key', [good, { kty: 'oct', k: 'AAAA', kid: 'o' }], SECRET);
refuse('C29', 'a symmetric key that says nothing', [good, { kty: 'oct', kid: 'o' }], SECRET);
refuse('C29', 'two keys with one kid', [good, { ...other, kid: 'k1' }], 'two keys have one kid');
refuse('C29', 'one key twice', [good, good], 'two keys have one kid');

const NO_KID = 'a key has no kid, or one that is not an identifier';
refuse('C8', 'no kid', [good, { ...other, kid: undefined }], NO_KID);
for (const kid of ['', 7, null, 'a.b', '../k', 'k1 ', 'x'.repeat(257)]) {
  refuse('C6', `kid ${JSON.stringify(kid).slice(0, 20)}`, [{ ...good, kid }], NO_KID);
}

refuse('C25', 'an RSA key of 512 bits', [ofBits(512)], 'an RSA modulus is too short');
refuse(
  'C25',
  'an RSA key of 1024 bits',
  [good, ofBits(1024)].map((key, n) => ({ ...key, kid: `k${n}` })),
  'an RSA modulus is too short',
);
refuse('C25', 'an RSA key of 2040 bits', [ofBits(2040)], 'an RSA modulus is too short');
refuse('C25', 'an RSA key of 8200 bits', [ofBits(8200)], 'an RSA modulus is too long');
refuse('C25', 'an RSA key of 64,000 bits', [ofBits(64_000)], 'an RSA modulus is too long');
refuse('C25', 'an even modulus', [ofBits(2048, 0xfe)], 'an RSA modulus is even');
refuse(
  'C25',
  'a modulus of the kind that ROCA factors',
  [{ ...good, n: encode(rocaModulus()) }],
  'an RSA modulus can be factored (ROCA)',
);
for (const [name, bytes, reason] of [
  ['1', [1], 'an RSA exponent is small or even'],
  ['3', [3], 'an RSA exponent is small or even'],
  ['17', [17], 'an RSA exponent is small or even'],
  ['65535', [0xff, 0xff], 'an RSA exponent is small or even'],
  ['65538', [1, 0, 2], 'an RSA exponent is small or even'],
  ['2^32 + 1', [1, 0, 0, 0, 1], 'an RSA exponent is too large'],
  ['as long as the modulus', Buffer.alloc(256, 0xff), 'an RSA exponent is too large'],
]) {
  refuse('C25', `exponent ${name}`, [{ ...good, e: encode(bytes) }], reason);
}

const BAD_N = 'an RSA modulus is not a base64url number';
refuse('C13', 'no modulus', [without('n')], BAD_N);
refuse('C13', 'an empty modulus', [{ ...good, n: '' }], BAD_N);
refuse('C13', 'a modulus that is a number', [{ ...good, n: 7 }], BAD_N);
refuse('C13', 'a modulus with padding', [{ ...good, n: `${good.n}==` }], BAD_N);
refuse('C13', 'a modulus with a space', [{ ...good, n: ` ${good.n}` }], BAD_N);
refuse('C13', 'a modulus in the other alphabet', [{ ...good, n: `+/${good.n}` }], BAD_N);
refuse(
  'C13',
  'a zero byte before the modulus',
  [{ ...good, n: encode([0, ...Buffer.from(good.n, 'base64url')]) }],
  BAD_N,
);
refuse('C13', 'no exponent', [without('e')], 'an RSA exponent is not a base64url number');
refuse(
  'C13',
  'unused bits in the exponent',
  [{ ...good, e: 'AQB' }],
  'an RSA exponent is not a base64url number',
);

refuse(
  'C29',
  '33 keys',
  Array.from({ length: 33 }, (_, n) => ({ ...good, kid: `k${n}` })),
  'more than 32 keys',
);
refuse('C29', 'no keys', [], 'no RS256 verification key');
refuse(
  'C29',
  'only keys for something else',
  [{ ...good, use: 'enc' }],
  'no RS256 verification key',
);
for (const key of [null, 'k1', 7, [], [good]]) {
  refuse(
    'C29',
    `a key that is ${JSON.stringify(key).slice(0, 6)}`,
    [good, key],
    'a key is not an object',
  );
}
const NO_LIST = 'the document has no list of keys';
refuse('C29', 'an empty object', {}, NO_LIST);
refuse('C29', 'keys as an object', { keys: { k1: good } }, NO_LIST);
refuse('C29', 'keys null', { keys: null }, NO_LIST);
refuse('C29', 'a single key', good, NO_LIST);
refuse('C29', 'keys inherited', '{"__proto__":{"keys":[]}}', NO_LIST);
refuse('C29', 'a list', '[]', 'the document is not an object');
refuse('C29', 'null', 'null', 'the document is not an object');
const text = JSON.stringify({ keys: [good] });
refuse('C29', 'nothing', '', 'the document is not JSON');
refuse('C29', 'a page', '<!doctype html><title>Sign in</title>', 'the document is not JSON');
refuse('C29', 'half of it', text.slice(0, -40), 'the document is not JSON');
refuse('C29', 'something after it', `${text}\n{}`, 'the document is not JSON');
refuse('C29', 'a NUL after it', `${text}\u0000`, 'the document is not JSON');
refuse('C22', 'a byte order mark', `\uFEFF${text}`, 'the document begins with a byte order mark');
refuse('C14', 'keys twice', `{"keys":[],${text.slice(1)}`, 'the document names a member twice');
refuse(
  'C14',
  'the modulus twice',
  text.replace('"n":', `"n":"${other.n}","n":`),
  'the document names a member twice',
);
refuse(
  'C14',
  'kid twice, once spelled with an escape',
  text.replace('"kid":', '"k\\u0069d":"k2","kid":'),
  'the document names a member twice',
);
refuse(
  'C24',
  'nested a thousand deep',
  { keys: [good], more: JSON.parse('['.repeat(1000) + ']'.repeat(1000)) },
  'the document is nested too deeply',
);

const document = {
  description:
    'JWKS documents as an issuer may answer. taken: the kids a verifier may use; skipped: keys that are meant for something else, by index; refused: why the whole document must not be used, and an older set stays. Reasons are for people.',
  cases,
};
writeFileSync(
  new URL('./key-sets.json', import.meta.url),
  `${JSON.stringify(document, null, 1)}\n`,
);
console.log(`${cases.length} cases`);
