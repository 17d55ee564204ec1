import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { newPassword } from './password.js';
import { Registration } from './registration.js';

const registration = z.strictObject({ email: emailAddress });
const verification = z.strictObject({ token: z.string().min(1).max(128), password: newPassword });

@Controller('auth')
export class RegistrationController {
  constructor(private readonly registration: Registration) {}

  /** Always the same answer; what comes of it is said by mail. */
  @Public()
  @Post('register')
  @HttpCode(202)
  async register(@Body({ schema: registration }) { email }: z.infer<typeof registration>) {
    await this.registration.register(email);
    return {
      status: 'accepted',
      detail: 'A message with the next step is on its way to that address.',
    };
  }

  @Public()
  @Post('email/verify')
  @HttpCode(200)
  async verify(@Body({ schema: verification }) { token, password }: z.infer<typeof verification>) {
    await this.registration.verifyEmail(token, password);
    return { status: 'verified' };
  }
}
