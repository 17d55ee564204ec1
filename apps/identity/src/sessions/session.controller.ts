import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { CurrentToken } from '@countersign/nest-auth';
import type { AccessToken } from '@countersign/token-verifier';
import { z } from 'zod';
import { Accounts } from '../accounts/accounts.js';
import { DomainError } from '../platform/domain-error.js';
import { Sessions } from './sessions.js';

const nothing = z.strictObject({}).nullish();

/** What somebody who is signed in can do about it. */
@Controller('auth')
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly accounts: Accounts,
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

  /** Ends the token's session: `pending` means committed, and on its way to every service. */
  @Post('logout')
  @HttpCode(202)
  async logout(
    @CurrentToken() token: AccessToken,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
  ) {
    if (token.sessionId === undefined) throw new DomainError('session_ended');
    const { epoch, seq } = await this.sessions.end(token.sessionId, 'logout');
    return { revocation: { epoch, seq, status: 'pending' } };
  }
}
