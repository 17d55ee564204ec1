import type { Position } from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AwaitedReceipts, ReceiptStatus } from './awaited-receipts.js';

const answer = z.strictObject({
  revocation: z.strictObject({
    epoch: z.int(),
    seq: z.int(),
    status: z.enum(['applied', 'pending']),
  }),
});

/** Which of the two it is says how far the revocation has come. */
export const REVOCATION_ANSWERS = { 200: answer, 202: answer } as const;

/** What to say of routes that answer so. */
export const WAITING_FOR_RECEIPTS =
  '200 `applied`: no live instance of any service accepts any more what has ended. 202 `pending`: committed, and on its way. Either is ' +
  'final. With `Prefer: wait=2` the answer waits up to so many seconds for the first.';

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
