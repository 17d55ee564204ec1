import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { originOf } from '../audit/personal-details.js';
import { credentialsAnswer, deliverCredentials } from '../sessions/delivery/deliver-credentials.js';
import type { CredentialsAnswer } from '../sessions/delivery/deliver-credentials.js';
import { CurrentSession } from '../sessions/delivery/signed-in.js';
import type { SignedIn } from '../sessions/delivery/signed-in.js';
import { Described } from '../openapi/described.js';
import { noMoreHashing } from '../platform/no-more-hashing.js';
import {
  doneAnswer,
  messageAnswer,
  NEW_PASSWORD_PROBLEMS,
  OWNER_CHECK_PROBLEMS,
} from './answer-schemas.js';
import { mailToken } from './mail-token.js';
import { PasswordChange } from './password-change.js';
import { PasswordReset } from './password-reset.js';
import { givenPassword, newPassword } from './password-rules.js';

const change = z.strictObject({ current_password: givenPassword, new_password: newPassword });
const asking = z.strictObject({ email: emailAddress });
const reset = z.strictObject({ token: mailToken, password: newPassword });

@Controller('auth')
export class PasswordController {
  constructor(
    private readonly passwordChange: PasswordChange,
    private readonly passwordReset: PasswordReset,
  ) {}

  @Post('password')
  @HttpCode(200)
  @Described({
    summary: 'Changes the password and ends every other session.',
    details:
      'Answers like a sign-in, with what this session goes on with: whatever it had before is refused from then on, its access ' +
      'tokens too.',
    answers: { 200: credentialsAnswer },
    problems: [...OWNER_CHECK_PROBLEMS, 'revocation_in_progress'],
  })
  async change(
    @CurrentSession() { accountId, sid }: SignedIn,
    @Body({ schema: change }) body: z.infer<typeof change>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CredentialsAnswer> {
    const owner = { accountId, sid, from: originOf(request) };
    const { current_password: current, new_password: next } = body;
    const changed = await this.passwordChange.change(owner, current, next, () => {
      // The new access token may take a second.
      noMoreHashing(request);
    });
    return deliverCredentials(changed, reply);
  }

  @Public()
  @Post('password-reset')
  @HttpCode(202)
  @Described({
    summary: 'Asks for a message with which to set a new password.',
    details: 'Always the same answer; what comes of it is said by mail.',
    answers: { 202: messageAnswer },
    problems: ['database_unavailable'],
  })
  async request(
    @Body({ schema: asking }) { email }: z.infer<typeof asking>,
    @Req() request: FastifyRequest,
  ) {
    await this.passwordReset.request(email, originOf(request));
    return {
      status: 'accepted',
      detail: 'A message with the next step is on its way to that address.',
    };
  }

  @Public()
  @Post('password-reset/confirm')
  @HttpCode(200)
  @Described({
    summary: 'Sets a new password with the token of that message, and ends all sessions.',
    answers: { 200: doneAnswer('password_reset') },
    problems: NEW_PASSWORD_PROBLEMS,
  })
  async confirm(
    @Body({ schema: reset }) { token, password }: z.infer<typeof reset>,
    @Req() request: FastifyRequest,
  ) {
    await this.passwordReset.confirm(token, password, originOf(request));
    return { status: 'password_reset' };
  }
}
