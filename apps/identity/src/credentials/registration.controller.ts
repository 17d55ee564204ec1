import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { originOf } from '../audit/personal-details.js';
import { mailToken } from './mail-token.js';
import { newPassword } from './password-rules.js';
import { Registration } from './registration.js';

const registration = z.strictObject({ email: emailAddress });
const verification = z.strictObject({ token: mailToken, password: newPassword });

@Controller('auth')
export class RegistrationController {
  constructor(private readonly registration: Registration) {}

  /** Always the same answer; what comes of it is said by mail. */
  @Public()
  @Post('register')
  @HttpCode(202)
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
  async verify(
    @Body({ schema: verification }) { token, password }: z.infer<typeof verification>,
    @Req() request: FastifyRequest,
  ) {
    await this.registration.verifyEmail(token, password, originOf(request));
    return { status: 'verified' };
  }
}
