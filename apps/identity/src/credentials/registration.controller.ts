import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { originOf } from '../audit/personal-details.js';
import { Described } from '../openapi/described.js';
import { doneAnswer, messageAnswer, NEW_PASSWORD_PROBLEMS } from './answer-schemas.js';
import { mailToken } from './mail-token.js';
import { newPassword } from './password-rules.js';
import { Registration } from './registration.js';

const registration = z.strictObject({ email: emailAddress });
const verification = z.strictObject({ token: mailToken, password: newPassword });

@Controller('auth')
export class RegistrationController {
  constructor(private readonly registration: Registration) {}

  @Public()
  @Post('register')
  @HttpCode(202)
  @Described({
    summary: 'Asks for an account.',
    details: 'Always the same answer; what comes of it is said by mail.',
    answers: { 202: messageAnswer },
    problems: ['database_unavailable'],
  })
  async register(
    @Body({ schema: registration }) { email }: z.infer<typeof registration>,
    @Req() request: FastifyRequest,
  ) {
    await this.registration.register(email, originOf(request));
    return {
      status: 'accepted',
      detail: 'A message with the next step is on its way to that address.',
    };
  }

  @Public()
  @Post('email/verify')
  @HttpCode(200)
  @Described({
    summary: 'Proves an address with the token that was sent there, and sets the first password.',
    answers: { 200: doneAnswer('verified') },
    problems: NEW_PASSWORD_PROBLEMS,
  })
  async verify(
    @Body({ schema: verification }) { token, password }: z.infer<typeof verification>,
    @Req() request: FastifyRequest,
  ) {
    await this.registration.verifyEmail(token, password, originOf(request));
    return { status: 'verified' };
  }
}
