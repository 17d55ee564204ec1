import { hash, publicDecrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** The DER of a `DigestInfo` up to the digest of SHA-256 itself (RFC 8017 §9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex').toString('latin1');

/**
 * Verifies RSASSA-PKCS1-v1_5 with SHA-256 by comparing encodings (RFC 8017 §8.2.2, §9.2): the signature must be as long as the
 * modulus, it is raised to the public exponent, OpenSSL takes off `00 01 FF … FF 00`, and what is left must be the one
 * `DigestInfo` of the text, byte for byte, to the end. Nothing in it is parsed. Says what `crypto.verify` says, and is cheaper
 * than both that and `createVerify`, which look the algorithms up anew for each signature.
 *
 * @param signedText ASCII
 */
export function isSignedBy(key: KeyObject, signature: Buffer, signedText: string): boolean {
  if (signature.length !== modulusBytes(key)) return false;
  let encoded: Buffer;
  try {
    // A key alone means the padding of PKCS #1 v1.5.
    encoded = publicDecrypt(key, signature);
  } catch {
    return false;
  }
  return encoded.toString('latin1') === DIGEST_INFO + hash('sha256', signedText, 'binary');
}

/** `asymmetricKeyDetails` asks OpenSSL each time. */
const modulusBytesOf = new WeakMap<KeyObject, number>();

/** As many as the modulus has, whose bits need not fill the first of them. */
function modulusBytes(key: KeyObject): number {
  let bytes = modulusBytesOf.get(key);
  if (bytes === undefined) {
    bytes = Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
    modulusBytesOf.set(key, bytes);
  }
  return bytes;
}
