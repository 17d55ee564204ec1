import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorCodes } from 'fastify';
import type { FastifyInstance } from 'fastify';

/**
 * Lets OAuth endpoints take forms (RFC 6749 §3.2), as `URLSearchParams`. Every other route goes on refusing them with 415: a
 * form is what a page of somebody else's can send without asking.
 */
export function acceptFormsForOAuth(app: NestFastifyApplication): void {
  const instance: FastifyInstance = app.getHttpAdapter().getInstance();
  instance.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (request, body, done) => {
      if (request.routeOptions.url?.startsWith('/oauth/')) {
        done(null, new URLSearchParams(String(body)));
        return;
      }
      done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(request.headers['content-type'] ?? ''));
    },
  );
}
