import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { readRequestCredentials } from '@countersign/token-verifier';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { personalDetails } from '../../audit/personal-details.js';
import { Described } from '../../openapi/described.js';
import { RefreshAdmission } from '../admission/refresh-admission.js';
import { unverifiedBoundSession } from '../delivery/bound-session.js';
import { credentialsAnswer, deliverCredentials } from '../delivery/deliver-credentials.js';
import type { CredentialsAnswer } from '../delivery/deliver-credentials.js';
import { OwnCookies } from '../delivery/own-cookies.js';
import { refuse } from '../delivery/refuse.js';
import { Refreshes } from './refreshes.js';
import type { RefreshRequest } from './refreshes.js';

const given = z.strictObject({ refresh_token: z.string().max(200).optional() }).nullish();

@Controller('auth')
export class RefreshController {
  constructor(
    private readonly refreshes: Refreshes,
    private readonly admission: RefreshAdmission,
    private readonly cookies: OwnCookies,
  ) {}

  @Public()
  @Post('refresh')
  @HttpCode(200)
  @Described({
    summary: 'Carries a session on.',
    details:
      'Takes the refresh token from the body for delivery `bearer`, from its cookie for delivery `cookie`; the answer comes the same ' +
      'way. A refresh cookie counts only with the access cookie of the same session, whose token may have expired; an access token in ' +
      'a header is not looked at. A refusal leaves cookies as they are.',
    answers: { 200: credentialsAnswer },
    problems: [
      'refresh_token_rejected',
      'refresh_token_replayed',
      'session_ended',
      'store_behind',
      'client_disabled',
      'multiple_credentials',
      'malformed_credentials',
      'origin_required',
      'overloaded',
      'revocation_in_progress',
      'database_unavailable',
    ],
  })
  async refresh(
    @Body({ schema: given }) body: z.infer<typeof given>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CredentialsAnswer> {
    const { ip, headers, raw } = reply.request;
    const { token, by } = this.#tokenOf(body?.refresh_token, reply);
    const from = personalDetails(ip, headers['user-agent']);
    const boundTo = unverifiedBoundSession(raw.rawHeaders);
    const refresh = () => this.refreshes.refresh(token, { by, from, boundTo });
    // A refusal takes no cookies back: by the time that it arrives, the browser may hold those of a sign-in or of a new password.
    return deliverCredentials(await this.admission.admit(refresh), reply);
  }

  #tokenOf(
    inBody: string | undefined,
    reply: FastifyReply,
  ): { readonly token: string; readonly by: RefreshRequest['by'] } {
    const { method, raw } = reply.request;
    const found = readRequestCredentials(
      { method, rawHeaders: raw.rawHeaders },
      this.cookies.refresh,
    );
    if ('missing' in found && found.missing !== 'credentials_required') {
      return refuse(reply, found.missing);
    }
    const inCookie = 'cookie' in found ? found.token : undefined;
    if (this.cookies.areAmbiguous(raw.rawHeaders)) return refuse(reply, 'multiple_credentials');
    if (inCookie !== undefined && inBody !== undefined)
      return refuse(reply, 'multiple_credentials');
    if (inCookie !== undefined) return { token: inCookie, by: 'cookie' };
    return { token: inBody ?? '', by: 'bearer' };
  }
}
