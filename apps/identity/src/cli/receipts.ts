import type { ReceiptsJson } from '../operators/api/receipts-json.js';
import { table } from './table.js';

interface Revoked {
  readonly revocation: { readonly epoch: number; readonly seq: number; readonly status: string };
  readonly instances?: ReceiptsJson['instances'];
}

/** How far a revocation has come, for people. */
export function progressOf({
  revocation: { epoch, seq, status },
  instances = [],
}: Revoked): string {
  const position = `${String(epoch)}.${String(seq)}`;
  if (status === 'applied') {
    const slowest = Math.max(0, ...instances.map(({ millis }) => millis ?? 0));
    return `revocation ${position}: applied by every live instance (${String(instances.length)}), the slowest after ${String(slowest)} ms`;
  }
  const missing = instances.filter(({ applied, joined_later: later }) => !applied && !later);
  return [
    `revocation ${position}: committed, and not known to be applied everywhere yet; see: countersign revocations show ${position}`,
    ...missing.map(({ service, instance_id: id }) => `  no receipt from ${service} ${id}`),
  ].join('\n');
}

/** One line for each live instance. */
export function receiptsTable(instances: ReceiptsJson['instances']): string {
  return table(
    ['SERVICE', 'INSTANCE', 'RECEIPT', 'AFTER'],
    instances.map(({ service, instance_id: id, applied, millis, joined_later: later }) => [
      service,
      id,
      applied ? 'applied' : later ? 'joined later' : 'NONE',
      millis === null ? '-' : `${String(millis)} ms`,
    ]),
  );
}
