import { Body, Controller, Headers, HttpCode, Post, UseFilters } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { z } from 'zod';
import { Described } from '../openapi/described.js';
import { ClientAuthentication } from './client-authentication.js';
import { OAuthErrorFilter } from './oauth-error.filter.js';
import { OAuthError, oauthErrors } from './oauth-error.js';
import { describedGrantForm, grantForm } from './oauth-form.js';
import { ServiceTokens } from './service-tokens.js';

const granted = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  scope: z.string().optional().describe('Left out when there is none'),
});

/** The token endpoint (RFC 6749 §3.2), for services that act for themselves. */
@Controller('oauth')
@UseFilters(OAuthErrorFilter)
export class TokenController {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: ServiceTokens,
  ) {}

  /**
   * The grant `client_credentials` (§4.4) and no other. There is no refresh token (§4.4.3), and what goes wrong is said as §5.2 asks.
   * No cache keeps the answer, as none does of any answer here that does not say otherwise.
   */
  @Public()
  @Post('token')
  @HttpCode(200)
  @Described({
    summary: 'An access token for a service that acts for itself (RFC 6749 §4.4).',
    form: describedGrantForm,
    answers: { 200: granted },
    oauthErrors: oauthErrors(
      'invalid_client',
      'unsupported_grant_type',
      'invalid_scope',
      'too_many_attempts',
    ),
  })
  async token(
    @Headers('authorization') authorization: string | undefined,
    @Body({ schema: grantForm }) form: z.infer<typeof grantForm>,
  ) {
    const client = await this.clients.client(authorization);
    if (form.client_secret !== undefined) {
      throw new OAuthError(
        'invalid_request',
        'credentials belong in the Authorization header only',
      );
    }
    if (form.client_id !== undefined && form.client_id !== client.id) {
      throw new OAuthError('invalid_request', 'client_id is not the client that authenticated');
    }
    if (form.grant_type !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'only client_credentials is offered');
    }
    const { encoded, claims } = await this.tokens.issue(client, form.scope);
    return {
      access_token: encoded,
      token_type: 'Bearer',
      expires_in: claims.exp - claims.iat,
      // A list of scopes is never empty (§3.3).
      ...(claims.scope !== '' && { scope: claims.scope }),
    };
  }
}
