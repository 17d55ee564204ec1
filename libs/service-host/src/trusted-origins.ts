import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What pages of trusted origins may do with the routes below a path. */
export interface TrustedUse {
  /** As browsers spell them. */
  readonly origins: readonly string[];
  /** How the paths begin that it is about. */
  readonly below: string;
  readonly methods: string;
  /** What a page may send, and what it may read of an answer, besides the headers that it always may. */
  readonly requestHeaders: string;
  readonly answerHeaders: string;
}

/** How long a browser may remember an answer to its preflight, seconds. */
const PREFLIGHT_SECONDS = '600';

/**
 * Lets pages of trusted origins use routes of `app` with cookies, and read the answers (CORS, Fetch §3.2). An origin must match
 * exactly. To every other origin, and about every other route, nothing is said, which browsers take for a no.
 */
export function allowTrustedOrigins(app: FastifyInstance, use: TrustedUse): void {
  const trusted = new Set(use.origins);
  if (trusted.size === 0) return;
  const isTrusted = ({ headers }: FastifyRequest) => trusted.has(headers.origin ?? '');
  const isAbout = ({ url }: FastifyRequest) => url.startsWith(use.below);
  app.addHook('onRequest', (request, reply, done) => {
    if (isAbout(request) && isTrusted(request) && isPreflight(request)) answerPreflight(reply, use);
    else done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (isAbout(request)) {
      // What is said depends on it, so no cache may take one answer for the other.
      reply.header('vary', [reply.getHeader('vary') ?? [], 'Origin'].flat().join(', '));
      if (isTrusted(request)) {
        reply.headers({
          'access-control-allow-origin': request.headers.origin,
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': use.answerHeaders,
        });
      }
    }
    done(null, payload);
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function answerPreflight(reply: FastifyReply, { methods, requestHeaders }: TrustedUse): void {
  void reply
    .status(204)
    .headers({
      'access-control-allow-methods': methods,
      'access-control-allow-headers': requestHeaders,
      'access-control-max-age': PREFLIGHT_SECONDS,
    })
    .send();
}
