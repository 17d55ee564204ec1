import { Controller, Get, Headers, Res } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Described } from '../openapi/described.js';
import { KeyRing } from './key-ring.js';

/** How long a cache may go on with it when identity is away, seconds: the verifiers' own hard age. */
const STALE_IF_ERROR_SECONDS = 12 * 3600;

const jwk = z.strictObject({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.string(),
  kid: z.string().describe('The RFC 7638 thumbprint'),
  use: z.literal('sig'),
  alg: z.literal('RS256'),
});
const jwks = z.strictObject({ keys: z.array(jwk) });

@Controller()
export class JwksController {
  constructor(private readonly keyRing: KeyRing) {}

  @Public()
  @Get('.well-known/jwks.json')
  @Described({
    summary: 'The keys that access tokens are verified with (RFC 7517).',
    details: '`Cache-Control` says for how long; a key is published before it signs.',
    answers: { 200: { type: 'application/jwk-set+json', schema: jwks }, 304: null },
  })
  jwks(@Headers('if-none-match') known: string | undefined, @Res() reply: FastifyReply): void {
    const { body, etag } = this.keyRing.document();
    void reply
      .header('etag', etag)
      .header(
        'cache-control',
        `public, max-age=${String(this.keyRing.cacheSeconds())}, stale-if-error=${String(STALE_IF_ERROR_SECONDS)}`,
      );
    if (known?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
      void reply.status(304).send();
      return;
    }
    void reply.type('application/jwk-set+json').send(body);
  }
}
