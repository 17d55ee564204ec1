import { Refusal } from '@countersign/nest-auth';
import { answerToUnusableCredentials } from '@countersign/token-verifier';
import type { UnusableCredentials } from '@countersign/token-verifier';
import type { FastifyReply } from 'fastify';

/**
 * Refuses a request for what it shows, or does not, of who makes it. Its headers are on the answer then.
 *
 * @throws {Refusal}
 */
export function refuse(reply: FastifyReply, code: UnusableCredentials): never {
  const refusal = new Refusal(answerToUnusableCredentials(code));
  reply.headers(refusal.answer.headers);
  throw refusal;
}
