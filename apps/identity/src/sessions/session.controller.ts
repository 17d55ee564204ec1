import { Body, Controller, Get, Headers, Post, Res } from '@nestjs/common';
import { CurrentToken } from '@countersign/nest-auth';
import type { AccessToken } from '@countersign/token-verifier';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Accounts } from '../accounts/accounts.js';
import { DomainError } from '../platform/domain-error.js';
import { readPreferredWait } from '../platform/preferred-wait.js';
import { AwaitedReceipts } from '../relying-services/awaited-receipts.js';
import { answerRevocation } from '../relying-services/revocation-answer.js';
import type { RevocationAnswer } from '../relying-services/revocation-answer.js';
import { Sessions } from './sessions.js';

const nothing = z.strictObject({}).nullish();

/** What somebody who is signed in can do about it. */
@Controller('auth')
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly accounts: Accounts,
    private readonly awaitedReceipts: AwaitedReceipts,
  ) {}

  @Get('me')
  async me(@CurrentToken() token: AccessToken) {
    const account =
      token.sessionId === undefined ? null : await this.accounts.findById(token.subject);
    if (!account) throw new DomainError('session_ended');
    return {
      sub: account.id,
      email: account.email,
      roles: account.roles,
      scope: token.scopes.join(' '),
      client_id: token.clientId,
      sid: token.sessionId,
      auth_time: token.authTime,
      expires_at: token.expiresAt,
    };
  }

  /**
   * Ends the token's session. `applied` (200): no live instance of any service accepts its tokens any more; `pending` (202):
   * committed, and on its way. Who would know waits a little: `Prefer: wait=2`.
   */
  @Post('logout')
  async logout(
    @CurrentToken() token: AccessToken,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    if (token.sessionId === undefined) throw new DomainError('session_ended');
    const wait = readPreferredWait(prefer);
    const position = await this.sessions.end(token.sessionId, 'logout', {
      receiptWanted: wait !== undefined,
    });
    return answerRevocation(position, wait, this.awaitedReceipts, reply);
  }
}
