import type { Position } from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import type { AwaitedReceipts, ReceiptStatus } from './awaited-receipts.js';

/** How a revocation is answered. Either status is final: it has been committed. */
export interface RevocationAnswer {
  readonly revocation: Position & { readonly status: ReceiptStatus };
}

/**
 * Answers a request that has revoked something: 200 when every live instance has given its receipt within the wait that
 * the caller prefers, else 202. Names nobody.
 *
 * @param waitSeconds from `readPreferredWait`; counted from the arrival of the request
 */
export async function answerRevocation(
  { epoch, seq }: Position,
  waitSeconds: number | undefined,
  awaited: AwaitedReceipts,
  reply: FastifyReply,
): Promise<RevocationAnswer> {
  let status: ReceiptStatus = 'pending';
  if (waitSeconds !== undefined && awaited.hasRoom) {
    reply.header('preference-applied', `wait=${String(waitSeconds)}`);
    status = await awaited.wait({ epoch, seq }, waitSeconds * 1000 - reply.elapsedTime);
  }
  reply.status(status === 'applied' ? 200 : 202);
  return { revocation: { epoch, seq, status } };
}
