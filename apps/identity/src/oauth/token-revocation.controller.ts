import { Body, Controller, Headers, HttpStatus, Post, Res, UseFilters } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { Described } from '../openapi/described.js';
import { readPreferredWait } from '../platform/preferred-wait.js';
import { AwaitedReceipts } from '../relying-services/awaited-receipts.js';
import { answerRevocation, REVOCATION_ANSWERS } from '../relying-services/revocation-answer.js';
import type { RevocationAnswer } from '../relying-services/revocation-answer.js';
import { ClientAuthentication } from './client-authentication.js';
import { OAuthErrorFilter } from './oauth-error.filter.js';
import { OAuthError, oauthErrors } from './oauth-error.js';
import { describedTokenForm, tokenForm } from './oauth-form.js';
import { PresentedTokens } from './presented-tokens.js';

/** Revocation by clients (RFC 7009). */
@Controller('oauth')
@UseFilters(OAuthErrorFilter)
export class TokenRevocationController {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: PresentedTokens,
    private readonly awaitedReceipts: AwaitedReceipts,
  ) {}

  @Public()
  @Post('revoke')
  @Described({
    summary: 'Revokes one token of the client that asks (RFC 7009).',
    details:
      '200 without a body once it is committed, and for anything that is no live token (§2.2). Who sends `Prefer: wait=2` is told ' +
      'with the 200 how far it has come: `applied` or `pending`, as at a logout. An access token dies by its `jti`, alone: other ' +
      'tokens of the same client or session live on, as §2.1 allows. Who wants all of them dead ends the session, or asks an ' +
      'operator to cut the client off.',
    form: describedTokenForm,
    answers: { 200: REVOCATION_ANSWERS[200] },
    oauthErrors: oauthErrors('invalid_client', 'invalid_grant', 'too_many_attempts'),
  })
  async revoke(
    @Headers('authorization') authorization: string | undefined,
    @Body({ schema: tokenForm }) { token }: z.infer<typeof tokenForm>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer | undefined> {
    const { id: clientId } = await this.clients.client(authorization);
    const wait = readPreferredWait(prefer);
    const presented = await this.tokens.read(token);
    if (presented && presented.claims.client_id !== clientId) {
      throw new OAuthError('invalid_grant', 'the token was issued to another client');
    }
    const position =
      presented && (await this.tokens.revoke(presented, { receiptWanted: wait !== undefined }));
    const answer =
      position && wait !== undefined
        ? await answerRevocation(position, wait, this.awaitedReceipts, reply)
        : undefined;
    // Whatever it says: RFC 7009 §2.2 knows no other success.
    reply.status(HttpStatus.OK);
    return answer;
  }
}
