import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const METHODS = 'GET, POST, DELETE';
const REQUEST_HEADERS = 'authorization, content-type, prefer';
const ANSWER_HEADERS = 'preference-applied, retry-after, www-authenticate, x-request-id';
/** How long a browser may remember an answer to its preflight, seconds. */
const PREFLIGHT_SECONDS = '600';

/**
 * Lets pages of these origins use `/auth/*` with cookies, and read the answers (CORS, Fetch §3.2). An origin must match exactly. To
 * every other origin, and every other route, nothing is said, which browsers take for a no.
 *
 * @param origins as browsers spell them
 */
export function allowTrustedOrigins(app: NestFastifyApplication, origins: readonly string[]): void {
  const trusted = new Set(origins);
  if (trusted.size === 0) return;
  const instance: FastifyInstance = app.getHttpAdapter().getInstance();
  instance.addHook('onRequest', (request, reply, done) => {
    if (!request.url.startsWith('/auth/')) {
      done();
      return;
    }
    // What is said depends on it, so no cache may take one answer for the other.
    reply.header('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !trusted.has(origin)) {
      done();
      return;
    }
    reply.headers({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': ANSWER_HEADERS,
    });
    if (isPreflight(request)) answerPreflight(reply);
    else done();
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function answerPreflight(reply: FastifyReply): void {
  void reply
    .status(204)
    .headers({
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': PREFLIGHT_SECONDS,
    })
    .send();
}
