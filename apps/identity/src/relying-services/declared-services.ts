import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { storableText } from '../platform/storable-text.js';

/** What a relying service may be called. */
export const relyingServiceId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes');
/** What it wants to read in `aud`; `null` for an edge that verifies for others. */
export const relyingServiceAudience = storableText.min(1).max(100).nullable();

const declaration = z.array(
  z.strictObject({
    id: relyingServiceId,
    audience: relyingServiceAudience,
    secret_sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the secret, 64 hexadecimal digits'),
  }),
);

/** A service that may hear of revocations and check in. */
export interface DeclaredService {
  readonly id: string;
  /** What it wants to read in `aud`; `null` for an edge that verifies for others. */
  readonly audience: string | null;
  readonly secretSha256: Buffer;
}

/** The relying services file cannot be used. The message lists every fault. */
export class UnusableDeclaration extends Error {
  override readonly name = 'UnusableDeclaration';
}

/** Reads `RELYING_SERVICES_FILE`: a JSON list of `{id, audience, secret_sha256}`. @throws {UnusableDeclaration} */
export function readDeclaredServices(path: string): readonly DeclaredService[] {
  try {
    return parseDeclaredServices(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UnusableDeclaration(`the relying services file ${path}: ${(error as Error).message}`);
  }
}

/** @throws {UnusableDeclaration} */
export function parseDeclaredServices(text: string): readonly DeclaredService[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UnusableDeclaration('it is not JSON');
  }
  const result = declaration.safeParse(json);
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) =>
      `${path.join('/')} ${message}`.trim(),
    );
    throw new UnusableDeclaration(faults.join('; '));
  }
  const services = result.data.map(({ id, audience, secret_sha256: digest }) => ({
    id,
    audience,
    secretSha256: Buffer.from(digest, 'hex'),
  }));
  if (new Set(services.map(({ id }) => id)).size !== services.length) {
    throw new UnusableDeclaration('two services have one id');
  }
  return services;
}
