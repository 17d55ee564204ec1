import { Body, Controller, Headers, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../../accounts/email-address.js';
import { Described } from '../../openapi/described.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import type { Operator } from '../operator.js';
import { answersOf, revoking, WAITING } from './answer-schemas.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { SessionEnding } from '../session-ending.js';
import { reason } from './shared-input.js';

const ending = z
  .strictObject({ sid: z.uuid().optional(), email: emailAddress.optional(), reason })
  .refine(({ sid, email }) => (sid === undefined) !== (email === undefined), {
    message: 'must have either sid or email',
  });

@Controller('operator/sessions')
export class OperatorSessionsController {
  constructor(
    private readonly ending: SessionEnding,
    private readonly answers: ReceiptAnswers,
  ) {}

  @Post('end')
  @RequireRole('end-sessions')
  @Described({
    summary: 'Ends one session, or all of one person.',
    details: WAITING,
    answers: answersOf(z.strictObject({ sessions: z.int(), ...revoking })),
    problems: ['unknown_session', 'unknown_account'],
  })
  async end(
    @CurrentOperator() operator: Operator,
    @Body({ schema: ending }) { sid, email = '', reason }: z.infer<typeof ending>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wait = readPreferredWait(prefer);
    const how = { reason, receiptWanted: wait !== undefined };
    const { sessions, position } =
      sid === undefined
        ? await this.ending.endAllOf(operator, email, how)
        : await this.ending.endSession(operator, sid, how);
    return { sessions, ...(await this.answers.answer(position, wait, reply)) };
  }
}
