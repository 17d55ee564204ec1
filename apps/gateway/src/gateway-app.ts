import {
  fastifySettings,
  logRequests,
  measureRequests,
  ProblemError,
  protectAnswers,
  refuseOtherForms,
  toProblemAnswer,
  traceRequests,
} from '@countersign/service-host';
import type { Logger, Registry } from '@countersign/service-host';
import type { CookiePolicy, TokenVerifier } from '@countersign/token-verifier';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sendAnswer } from './edge/answers.js';
import { faultOfRequest } from './edge/check-request.js';
import { proxyUpstream } from './proxy/proxy-upstream.js';
import type { Upstream } from './proxy/upstream.js';
import { PartsStatus } from './start-page/parts-status.js';
import type { SessionSwap } from './swap/session-swap.js';
import { START_PAGE_HEADERS, startPage } from './start-page/start-page.js';

export interface GatewayParts {
  readonly verifier: TokenVerifier;
  readonly swap: SessionSwap;
  /** The cookies that say who somebody is, and whose pages may use them. */
  readonly cookies: CookiePolicy;
  /** Of front ends elsewhere, whose pages may ask with these cookies and read the answers. */
  readonly trustedOrigins: readonly string[];
  readonly upstreams: readonly Upstream[];
  readonly logger: Logger;
  readonly metrics: Registry;
  readonly trustedProxies: readonly string[];
  readonly upstreamTimeoutMs: number;
}

/** The public edge, not yet listening: the routes of its upstreams, the start page, and nothing else. */
export async function createGatewayApp(parts: GatewayParts): Promise<FastifyInstance> {
  const { verifier, swap, cookies, upstreams, logger, metrics } = parts;
  const app: FastifyInstance = fastify(fastifySettings(logger, parts.trustedProxies));
  traceRequests(app);
  refuseOtherForms(app);
  measureRequests(app, metrics);
  logRequests(app);
  protectAnswers(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    if (isClientGone(request)) {
      request.raw.socket.destroy();
      return reply.hijack();
    }
    const fault = faultOfRequest(request);
    return fault && sendAnswer(reply, fault);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendAnswer(reply, toProblemAnswer(new ProblemError('not_found'))),
  );
  app.setErrorHandler((error, request, reply) => {
    const answer = toProblemAnswer(error);
    if (isClientGone(request)) request.log.debug({ err: error }, 'the client is gone');
    else if (answer.problem.status >= 500) request.log.error({ err: error }, 'request failed');
    return sendAnswer(reply, answer);
  });
  const status = new PartsStatus(upstreams);
  app.get('/', async (_request, reply) =>
    reply
      .headers(START_PAGE_HEADERS)
      .type('text/html; charset=utf-8')
      .send(startPage({ parts: await status.read(), verifies: verifier.state().ready })),
  );
  for (const upstream of upstreams) {
    await proxyUpstream(app, upstream, {
      verifier,
      swap,
      cookies,
      trustedOrigins: parts.trustedOrigins,
      timeoutMs: parts.upstreamTimeoutMs,
    });
  }
  return app;
}

/**
 * Many requests may wait on a connection that was reset: then there is nobody to answer, nor an address to forward. Node notices
 * the missing address before it destroys the socket.
 */
function isClientGone({ raw: { socket } }: FastifyRequest): boolean {
  return socket.destroyed || socket.remoteAddress === undefined;
}
