import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { emailAddress } from '../accounts/email-address.js';
import { personalDetails } from '../audit/personal-details.js';
import { Described } from '../openapi/described.js';
import { storableText } from '../platform/storable-text.js';
import { credentialsAnswer, deliverCredentials } from '../sessions/delivery/deliver-credentials.js';
import type { CredentialsAnswer } from '../sessions/delivery/deliver-credentials.js';
import { OwnCookies } from '../sessions/delivery/own-cookies.js';
import { refuse } from '../sessions/delivery/refuse.js';
import { ReplacedSession } from '../sessions/delivery/replaced-session.js';
import { SessionLimit } from '../sessions/session-limit.js';
import { givenPassword } from './password-rules.js';
import { SignIn } from './sign-in.js';

const login = z.strictObject({
  email: emailAddress,
  password: givenPassword,
  client_id: storableText.min(1).max(100).optional(),
  delivery: z.enum(['bearer', 'cookie', 'session']).default('bearer'),
  remember: z.boolean().default(false),
  device_name: storableText.trim().min(1).max(100).optional(),
});

@Controller('auth')
export class SignInController {
  constructor(
    private readonly signIn: SignIn,
    private readonly cookies: OwnCookies,
    private readonly replaced: ReplacedSession,
    private readonly limit: SessionLimit,
  ) {}

  @Public()
  @Post('login')
  @HttpCode(200)
  @Described({
    summary: 'Signs in by address and password.',
    details:
      'What the client gets, and where, is up to `delivery`: tokens in the body (`bearer`), access and refresh token in cookies ' +
      '(`cookie`), or one opaque cookie (`session`). The cookie deliveries need an origin of ours, or one that is trusted. A browser ' +
      'that signs in again leaves the session it was in. Whoever may not sign in is answered as with a wrong password.',
    answers: { 200: credentialsAnswer },
    problems: [
      'credentials_rejected',
      'unknown_client',
      'origin_required',
      'multiple_credentials',
      'overloaded',
      'revocation_in_progress',
      'database_unavailable',
    ],
  })
  async login(
    @Body({ schema: login }) body: z.infer<typeof login>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CredentialsAnswer> {
    const { ip, headers, raw } = reply.request;
    if (this.cookies.areAmbiguous(raw.rawHeaders)) return refuse(reply, 'multiple_credentials');
    // Another site could sign a visitor in as somebody else, and watch what they do there.
    if (body.delivery !== 'bearer' && !this.cookies.isFromHere(raw.rawHeaders)) {
      return refuse(reply, 'origin_required');
    }
    const from = personalDetails(ip, headers['user-agent']);
    const begun = await this.signIn.withPassword(body.email, body.password, {
      clientId: body.client_id,
      delivery: body.delivery,
      remember: body.remember,
      deviceName: body.device_name ?? null,
      userAgent: from.user_agent,
      ip: from.ip,
    });
    await this.replaced.end(reply.request);
    await this.limit.makeRoom(begun, from);
    return deliverCredentials(begun, reply);
  }
}
