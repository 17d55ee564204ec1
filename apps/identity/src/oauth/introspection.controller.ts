import { Body, Controller, Headers, HttpCode, Post, UseFilters } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { z } from 'zod';
import type { AccessTokenClaims } from '../access-tokens/claims.js';
import { Described } from '../openapi/described.js';
import { ClientAuthentication } from './client-authentication.js';
import type { Inquirer } from './client-authentication.js';
import { OAuthErrorFilter } from './oauth-error.filter.js';
import { oauthErrors } from './oauth-error.js';
import { describedTokenForm, tokenForm } from './oauth-form.js';
import { PresentedTokens } from './presented-tokens.js';

const introspection = z.union([
  z.strictObject({ active: z.literal(false) }),
  z.looseObject({ active: z.literal(true), iss: z.string(), sub: z.string(), exp: z.int() }),
]);

/** The answer of RFC 7662 §2.2. */
type Introspection = { readonly active: false } | ({ readonly active: true } & AccessTokenClaims);

/** Introspection (RFC 7662), on the service listener: for who cannot verify tokens, or must know this very moment. */
@Controller('oauth')
@UseFilters(OAuthErrorFilter)
export class IntrospectionController {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: PresentedTokens,
  ) {}

  // The guard of this listener knows relying services only.
  @Public()
  @Post('introspect')
  @HttpCode(200)
  @Described({
    summary: 'Whether a token is active, by what is committed at this moment (RFC 7662).',
    details:
      'Tells only a service that the token is meant for, and the client that it was issued to; to everybody else every token is ' +
      'inactive (§2.2). An active one comes with its claims.',
    form: describedTokenForm,
    answers: { 200: introspection },
    oauthErrors: oauthErrors('invalid_client'),
  })
  async introspect(
    @Headers('authorization') authorization: string | undefined,
    @Body({ schema: tokenForm }) { token }: z.infer<typeof tokenForm>,
  ): Promise<Introspection> {
    const inquirer = await this.clients.inquirer(authorization);
    const presented = await this.tokens.read(token);
    if (!presented || !mayAsk(inquirer, presented.claims)) return { active: false };
    return (await this.tokens.isActive(presented))
      ? { active: true, ...presented.claims }
      : { active: false };
  }
}

function mayAsk(inquirer: Inquirer, claims: AccessTokenClaims): boolean {
  if ('clientId' in inquirer) return claims.client_id === inquirer.clientId;
  return inquirer.audience !== null && claims.aud.includes(inquirer.audience);
}
