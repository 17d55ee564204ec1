import { Body, Controller, Get, Headers, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Accounts } from '../accounts/accounts.js';
import { personalDetails } from '../audit/personal-details.js';
import { DomainError } from '../platform/domain-error.js';
import { Described } from '../openapi/described.js';
import { readPreferredWait } from '../platform/preferred-wait.js';
import { AwaitedReceipts } from '../relying-services/awaited-receipts.js';
import {
  answerRevocation,
  REVOCATION_ANSWERS,
  WAITING_FOR_RECEIPTS,
} from '../relying-services/revocation-answer.js';
import type { RevocationAnswer } from '../relying-services/revocation-answer.js';
import { takeBackCookies } from './delivery/deliver-credentials.js';
import { CurrentSession } from './delivery/signed-in.js';
import type { SignedIn } from './delivery/signed-in.js';
import { OwnSessions } from './own-sessions.js';

const me = z.strictObject({
  sub: z.uuid(),
  email: z.string(),
  roles: z.array(z.string()),
  scope: z.string(),
  client_id: z.string(),
  sid: z.uuid(),
  auth_time: z.int(),
  expires_at: z.int().describe('Of the access token that came, or of the session'),
});
const nothing = z.strictObject({}).nullish();

/** What somebody who is signed in can do about it. */
@Controller('auth')
export class SessionController {
  constructor(
    private readonly ownSessions: OwnSessions,
    private readonly accounts: Accounts,
    private readonly awaitedReceipts: AwaitedReceipts,
  ) {}

  @Get('me')
  @Described({ summary: 'Who is signed in, and until when.', answers: { 200: me } })
  async me(@CurrentSession() signedIn: SignedIn) {
    const account = await this.accounts.findById(signedIn.accountId);
    if (!account) throw new DomainError('session_ended');
    return {
      sub: account.id,
      email: account.email,
      roles: account.roles,
      scope: signedIn.scopes.join(' '),
      client_id: signedIn.clientId,
      sid: signedIn.sid,
      auth_time: Math.floor(signedIn.authTime),
      expires_at: Math.floor(signedIn.expiresAt),
    };
  }

  @Post('logout')
  @Described({
    summary: 'Ends the session.',
    details: WAITING_FOR_RECEIPTS,
    answers: REVOCATION_ANSWERS,
  })
  async logout(
    @CurrentSession() signedIn: SignedIn,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    const wait = readPreferredWait(prefer);
    const position = await this.ownSessions.end(signedIn, 'logout', {
      receiptWanted: wait !== undefined,
      from: personalDetails(reply.request.ip, reply.request.headers['user-agent']),
    });
    takeBackCookies(reply);
    return answerRevocation(position, wait, this.awaitedReceipts, reply);
  }
}
