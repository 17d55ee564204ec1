import { createHash } from 'node:crypto';

/** The relying services of the embedded run; `audience` as in the declaration file. */
export const relyingServices = [
  { id: 'orders', audience: 'orders' },
  { id: 'payments', audience: 'payments' },
  { id: 'gateway', audience: null },
  { id: 'identity', audience: 'identity' },
] as const;

export type RelyingServiceId = (typeof relyingServices)[number]['id'];

/**
 * The text of RELYING_SERVICES_FILE. Entries of `existing` for other services stay: somebody has declared one of their own. It holds digests only: SHA-256 of each secret as it is sent in HTTP Basic, in
 * hexadecimal. The secrets have 256 random bits, so that a fast hash is enough.
 */
export function declareRelyingServices(
  secrets: Readonly<Record<RelyingServiceId, string>>,
  existing = '[]',
): string {
  const declarations = relyingServices.map(({ id, audience }) => ({
    id,
    audience,
    secret_sha256: createHash('sha256').update(secrets[id]).digest('hex'),
  }));
  const ours = new Set<unknown>(relyingServices.map(({ id }) => id));
  const theirs = (JSON.parse(existing) as { id?: unknown }[]).filter(({ id }) => !ours.has(id));
  return `${JSON.stringify([...declarations, ...theirs], null, 2)}\n`;
}
