import { Body, Controller, Headers, HttpCode, Post, UseFilters } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { z } from 'zod';
import { ClientAuthentication } from './client-authentication.js';
import { OAuthErrorFilter } from './oauth-error.filter.js';
import { OAuthError } from './oauth-error.js';
import { tokenForm } from './oauth-form.js';
import { PresentedTokens } from './presented-tokens.js';

/** Revocation by clients (RFC 7009). */
@Controller('oauth')
@UseFilters(OAuthErrorFilter)
export class TokenRevocationController {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: PresentedTokens,
  ) {}

  /**
   * Revokes one token of the client that asks: 200 once it is committed, and for anything that is no live token (§2.2).
   *
   * An access token dies by its `jti`, alone: other tokens of the same client or session live on, as §2.1 allows. Who wants all
   * of them dead ends the session, or asks an operator to cut the client off.
   */
  @Public()
  @Post('revoke')
  @HttpCode(200)
  async revoke(
    @Headers('authorization') authorization: string | undefined,
    @Body({ schema: tokenForm }) { token }: z.infer<typeof tokenForm>,
  ): Promise<void> {
    const clientId = await this.clients.client(authorization);
    const presented = await this.tokens.read(token);
    if (!presented) return;
    if (presented.claims.client_id !== clientId) {
      throw new OAuthError('invalid_grant', 'the token was issued to another client');
    }
    await this.tokens.revoke(presented);
  }
}
