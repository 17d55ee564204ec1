import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { originOf } from '../audit/personal-details.js';
import { CurrentSession } from '../sessions/delivery/signed-in.js';
import type { SignedIn } from '../sessions/delivery/signed-in.js';
import { Described } from '../openapi/described.js';
import {
  doneAnswer,
  EMAIL_TOKEN_PROBLEMS,
  messageAnswer,
  NEW_PASSWORD_PROBLEMS,
  OWNER_CHECK_PROBLEMS,
} from './answer-schemas.js';
import { EmailChange } from './email-change.js';
import { mailToken } from './mail-token.js';
import { givenPassword, newPassword } from './password-rules.js';

const change = z.strictObject({ email: emailAddress, current_password: givenPassword });
const confirmation = z.strictObject({ token: mailToken });
const restoration = z.strictObject({ token: mailToken, password: newPassword });

@Controller('auth/email')
export class EmailChangeController {
  constructor(private readonly emailChange: EmailChange) {}

  @Post('change')
  @HttpCode(202)
  @Described({
    summary: 'Asks for another address.',
    details:
      'The same answer whether the address is free or not; what comes of it is said by mail.',
    answers: { 202: messageAnswer },
    problems: OWNER_CHECK_PROBLEMS,
  })
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

  @Post('change/confirm')
  @HttpCode(200)
  @Described({
    summary: 'Changes the address with the token that was sent to the new one.',
    details:
      'Only in a session of the account that asked for it. On another device sign in first, with the earlier address, which holds ' +
      'until then. In a session of another account the token is refused like one that does not exist, and is not spent.',
    answers: { 200: doneAnswer('email_changed') },
    problems: EMAIL_TOKEN_PROBLEMS,
  })
  async confirm(
    @CurrentSession() { accountId, sid }: SignedIn,
    @Body({ schema: confirmation }) { token }: z.infer<typeof confirmation>,
    @Req() request: FastifyRequest,
  ) {
    await this.emailChange.confirm({ accountId, sid, from: originOf(request) }, token);
    return { status: 'email_changed' };
  }

  @Public()
  @Post('restore')
  @HttpCode(200)
  @Described({
    summary:
      'Takes a change back, from the earlier address: sets a password and ends all sessions.',
    answers: { 200: doneAnswer('email_restored') },
    problems: NEW_PASSWORD_PROBLEMS,
  })
  async restore(
    @Body({ schema: restoration }) { token, password }: z.infer<typeof restoration>,
    @Req() request: FastifyRequest,
  ) {
    await this.emailChange.restore(token, password, originOf(request));
    return { status: 'email_restored' };
  }
}
