import { Body, Controller, Headers, HttpCode, Ip, Post } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { personalDetails } from '../audit/personal-details.js';
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
    @Headers('user-agent') userAgent: string | undefined,
    @Ip() ip: string,
  ) {
    await this.registration.register(email, personalDetails(ip, userAgent));
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
    @Headers('user-agent') userAgent: string | undefined,
    @Ip() ip: string,
  ) {
    await this.registration.verifyEmail(token, password, personalDetails(ip, userAgent));
    return { status: 'verified' };
  }
}
