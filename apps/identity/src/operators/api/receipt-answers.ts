import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import { AwaitedReceipts } from '../../relying-services/awaited-receipts.js';
import { Receipts } from '../../relying-services/receipts.js';
import { answerRevocation } from '../../relying-services/revocation-answer.js';
import { receiptsJson } from './receipts-json.js';

/** Answers operators who have revoked something. */
@Injectable()
export class ReceiptAnswers {
  constructor(
    private readonly awaited: AwaitedReceipts,
    private readonly receipts: Receipts,
  ) {}

  /**
   * The same as everybody is told, and to who waited also the name of each live instance, whether it has applied the
   * revocation, and how many milliseconds that took.
   */
  async answer(position: Position, waitSeconds: number | undefined, reply: FastifyReply) {
    const { revocation } = await answerRevocation(position, waitSeconds, this.awaited, reply);
    const known = waitSeconds === undefined ? undefined : await this.receipts.of(position);
    return { revocation, ...(known && { instances: receiptsJson(known).instances }) };
  }
}
