import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { MasterKeys } from './master-keys.js';

/** A secret at rest: AES-256-GCM under the named master key. `box` is nonce (12 bytes), ciphertext, tag (16 bytes). */
export interface Sealed {
  readonly masterKeyId: string;
  readonly box: Buffer;
}

/** A sealed secret that cannot be opened. */
export class UnsealFailed extends Error {
  override readonly name = 'UnsealFailed';
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals a secret under the current master key. `boundTo` is authenticated with it, so that a box cannot be moved to
 * another row: give the row's kind and id.
 */
export function seal(keys: MasterKeys, secret: Buffer, boundTo: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keys.current.bytes, nonce).setAAD(
    Buffer.from(boundTo),
  );
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
  return {
    masterKeyId: keys.current.id,
    box: Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]),
  };
}

/**
 * Opens a sealed secret.
 *
 * @throws {UnsealFailed} when its master key is not at hand, or the box was not sealed by it for `boundTo`
 */
export function unseal(keys: MasterKeys, { masterKeyId, box }: Sealed, boundTo: string): Buffer {
  const key = keys.get(masterKeyId);
  if (!key) {
    throw new UnsealFailed(
      `${boundTo} is sealed under master key "${masterKeyId}", which this process does not hold`,
    );
  }
  const nonce = box.subarray(0, NONCE_BYTES);
  const ciphertext = box.subarray(NONCE_BYTES, -TAG_BYTES);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(boundTo))
      .setAuthTag(box.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch (error) {
    throw new UnsealFailed(
      `${boundTo} cannot be opened with master key "${masterKeyId}": the key has another value, or the row was changed`,
      { cause: error },
    );
  }
}
