import { Controller, Get, Headers, Res } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import type { FastifyReply } from 'fastify';
import { KeyRing } from './key-ring.js';

/** How long a cache may go on with it when identity is away, seconds: the verifiers' own hard age. */
const STALE_IF_ERROR_SECONDS = 12 * 3600;

@Controller()
export class JwksController {
  constructor(private readonly keyRing: KeyRing) {}

  @Public()
  @Get('.well-known/jwks.json')
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
