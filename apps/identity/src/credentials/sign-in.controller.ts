import { Body, Controller, Headers, HttpCode, Ip, Post } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { personalDetails } from '../audit/personal-details.js';
import { storableText } from '../platform/storable-text.js';
import { givenPassword } from './password-rules.js';
import { SignIn } from './sign-in.js';

const login = z.strictObject({
  email: emailAddress,
  password: givenPassword,
  client_id: storableText.min(1).max(100).optional(),
  delivery: z.enum(['bearer']).default('bearer'),
  remember: z.boolean().default(false),
  device_name: storableText.trim().min(1).max(100).optional(),
});

@Controller('auth')
export class SignInController {
  constructor(private readonly signIn: SignIn) {}

  @Public()
  @Post('login')
  @HttpCode(200)
  async login(
    @Body({ schema: login }) body: z.infer<typeof login>,
    @Headers('user-agent') userAgent: string | undefined,
    @Ip() ip: string,
  ) {
    const from = personalDetails(ip, userAgent);
    const { session, accessToken, expiresIn } = await this.signIn.withPassword(
      body.email,
      body.password,
      {
        clientId: body.client_id,
        delivery: body.delivery,
        remember: body.remember,
        deviceName: body.device_name ?? null,
        userAgent: from.user_agent,
        ip: from.ip,
      },
    );
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      session: { sid: session.sid, device_name: session.deviceName },
    };
  }
}
