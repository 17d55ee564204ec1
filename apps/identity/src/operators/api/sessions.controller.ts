import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { emailAddress } from '../../accounts/email-address.js';
import type { Operator } from '../operator.js';
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
  constructor(private readonly ending: SessionEnding) {}

  /** Ends one session, or all of one person. `pending`: committed, and on its way to every service. */
  @Post('end')
  @HttpCode(202)
  @RequireRole('end-sessions')
  async end(
    @CurrentOperator() operator: Operator,
    @Body({ schema: ending }) body: z.infer<typeof ending>,
  ) {
    const { sessions, position } =
      body.sid === undefined
        ? await this.ending.endAllOf(operator, body.email ?? '', body.reason)
        : await this.ending.endSession(operator, body.sid, body.reason);
    return { sessions, revocation: { ...position, status: 'pending' } };
  }
}
