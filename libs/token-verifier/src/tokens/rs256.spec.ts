import {
  constants,
  createHash,
  generateKeyPairSync,
  privateEncrypt,
  sign,
  verify,
} from 'node:crypto';
import fc from 'fast-check';
import { isSignedBy } from './rs256.js';

const text = 'eyJhbGciOiJSUzI1NiJ9.e30';
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const digest = createHash('sha256').update(text).digest();
const hex = (spelled: string) => Buffer.from(spelled, 'hex');

const DIGEST_INFO = hex('3031300d060960864801650304020105000420');
const good = padded(Buffer.concat([DIGEST_INFO, digest]));

/** `00 01 FF … FF 00` before what is encoded, to the length of the modulus. */
function padded(
  encoded: Buffer,
  { type = 1, fill = 0xff, length = 256 - 3 - encoded.length } = {},
) {
  const filling = Buffer.alloc(length, fill);
  return Buffer.concat([Buffer.from([0, type]), filling, Buffer.from([0]), encoded]);
}

/** What only the holder of the private key can make: a signature that gives any bytes at all when it is raised to the exponent. */
const signatureOf = (bytes: Buffer) =>
  privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, bytes);

it('takes the one encoding of the digest', () => {
  expect(good).toHaveLength(256);
  expect(isSignedBy(publicKey, signatureOf(good), text)).toBe(true);
  expect(isSignedBy(publicKey, sign('sha256', Buffer.from(text), privateKey), text)).toBe(true);
});

const tail = (info: string, hash: Buffer = digest) => padded(Buffer.concat([hex(info), hash]));

it.each<[string, Buffer]>([
  ['block type 0', padded(good.subarray(205), { type: 0, fill: 0 })],
  ['block type 2', padded(good.subarray(205), { type: 2 })],
  ['padding that is not FF', padded(good.subarray(205), { fill: 0xfe })],
  ['no padding', Buffer.concat([hex('000100'), good.subarray(205), Buffer.alloc(202)])],
  [
    'eight bytes of padding, and junk behind the digest',
    Buffer.concat([padded(good.subarray(205), { length: 8 }), Buffer.alloc(194, 1)]),
  ],
  ['junk before the digest', padded(Buffer.concat([DIGEST_INFO, Buffer.alloc(40), digest]))],
  ['junk in the parameters', tail('3033300f0609608648016503040201050200000420')],
  ['no parameters', tail('302f300b06096086480165030402010420')],
  ['a length in the long form', tail('308131300d060960864801650304020105000420')],
  ['the digest alone', padded(digest)],
  ['nothing', padded(Buffer.alloc(0))],
  ['another algorithm, with a digest as long', tail('3031300d060960864801650304020605000420')],
  ['SHA-1', tail('3021300906052b0e03021a05000414', createHash('sha1').update(text).digest())],
  ['the digest of another text', tail(DIGEST_INFO.toString('hex'), createHash('sha256').digest())],
])('refuses %s, as crypto.verify does', (_name, encoding) => {
  expect(encoding).toHaveLength(256);
  const signature = signatureOf(encoding);
  expect(isSignedBy(publicKey, signature, text)).toBe(false);
  expect(verify('sha256', Buffer.from(text), publicKey, signature)).toBe(false);
});

it('refuses a signature that is not as long as the modulus, or not below it', () => {
  const signature = signatureOf(good);
  for (const other of [
    Buffer.alloc(0),
    signature.subarray(1),
    signature.subarray(0, 255),
    Buffer.concat([Buffer.alloc(1), signature]),
    Buffer.concat([signature, Buffer.alloc(1)]),
    Buffer.alloc(256),
    Buffer.alloc(256, 0xff),
    plusModulus(signature),
  ]) {
    expect(isSignedBy(publicKey, other, text)).toBe(false);
  }
});

/** The same number modulo the modulus, where it still fits. */
function plusModulus(signature: Buffer): Buffer {
  const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
  const sum = BigInt(`0x${signature.toString('hex')}`) + BigInt(`0x${modulus.toString('hex')}`);
  return hex(sum.toString(16).padStart(512, '0').slice(-512));
}

it('says what crypto.verify says of every encoding with a byte changed, and of every signature with one changed', () => {
  const signature = signatureOf(good);
  const change = fc.record({ at: fc.nat({ max: 255 }), by: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(change, fc.boolean(), ({ at, by }, inside) => {
      const changed = Buffer.from(inside ? good : signature);
      changed[at] = (changed[at] ?? 0) ^ by;
      // The first byte cannot grow: the number would not be below the modulus.
      fc.pre(!inside || at > 0 || by === 0);
      const sent = inside ? signatureOf(changed) : changed;
      const expected = verify('sha256', Buffer.from(text), publicKey, sent);
      expect(isSignedBy(publicKey, sent, text)).toBe(expected);
      expect(expected).toBe(by === 0);
    }),
    { numRuns: 400 },
  );
});

it('verifies with a modulus whose bits do not fill its first byte', () => {
  const odd = generateKeyPairSync('rsa', { modulusLength: 2052 });
  const signature = sign('sha256', Buffer.from(text), odd.privateKey);
  expect(signature).toHaveLength(257);
  expect(isSignedBy(odd.publicKey, signature, text)).toBe(true);
  expect(isSignedBy(odd.publicKey, signature, `${text}x`)).toBe(false);
});
