import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { originOf } from '../audit/personal-details.js';
import { CurrentSession } from '../sessions/delivery/signed-in.js';
import type { SignedIn } from '../sessions/delivery/signed-in.js';
import { EmailChange } from './email-change.js';
import { mailToken } from './mail-token.js';
import { givenPassword, newPassword } from './password-rules.js';

const change = z.strictObject({ email: emailAddress, current_password: givenPassword });
const confirmation = z.strictObject({ token: mailToken });
const restoration = z.strictObject({ token: mailToken, password: newPassword });

@Controller('auth/email')
export class EmailChangeController {
  constructor(private readonly emailChange: EmailChange) {}

  /** The same answer whether the address is free or not; what comes of it is said by mail. */
  @Post('change')
  @HttpCode(202)
  async change(
    @CurrentSession() { accountId, sid }: SignedIn,
    @Body({ schema: change }) body: z.infer<typeof change>,
    @Req() request: FastifyRequest,
  ) {
    const owner = { accountId, sid, from: originOf(request) };
    await this.emailChange.request(owner, body.email, body.current_password);
    return {
      status: 'accepted',
      detail: 'A message with the next step is on its way to that address.',
    };
  }

  @Public()
  @Post('change/confirm')
  @HttpCode(200)
  async confirm(
    @Body({ schema: confirmation }) { token }: z.infer<typeof confirmation>,
    @Req() request: FastifyRequest,
  ) {
    await this.emailChange.confirm(token, originOf(request));
    return { status: 'email_changed' };
  }

  /** The earlier address takes a change back. */
  @Public()
  @Post('restore')
  @HttpCode(200)
  async restore(
    @Body({ schema: restoration }) { token, password }: z.infer<typeof restoration>,
    @Req() request: FastifyRequest,
  ) {
    await this.emailChange.restore(token, password, originOf(request));
    return { status: 'email_restored' };
  }
}
