import { METHODS } from 'node:http';
import { makeProblem, ProblemError, toProblemAnswer } from '@countersign/service-host';
import type { ProblemAnswer, ProblemMapping } from '@countersign/service-host';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { extAuthzRequest, forwardedRequest, originalRequest } from './described-request.js';
import type { DescribedRequest, GatewayQuestion } from './described-request.js';
import { FORWARD_AUTH_PROBLEMS } from './forward-auth-problems.js';
import type { ForwardAuth } from './forward-auth.js';
import type { GatewayPeers } from './gateway-peers.js';

export interface ForwardAuthRouteParts {
  readonly forwardAuth: Pick<ForwardAuth, 'answer'>;
  readonly peers: GatewayPeers;
  /** How the errors of a swap become answers. */
  readonly problemOf: ProblemMapping;
}

/** The whole problem document on one line, for gateways that hand on headers of an answer, and no body. */
export const PROBLEM_HEADER = 'countersign-problem';

/** What each gateway can make of a refusal; everything else would become a 500 there, or let somebody in. */
const REFUSAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 503]);

/**
 * Lets gateways ask about a request before they pass it on, each in its own way: `/forward-auth` (Caddy, Traefik), `/auth-request`
 * (nginx, HAProxy), `/ext-authz/*` (Envoy). The answer is 200 with the one `Authorization` to send on and no body, or a
 * refusal: 400, 401, 403, or 503 when it cannot be said.
 */
export function addForwardAuthRoutes(app: FastifyInstance, parts: ForwardAuthRouteParts): void {
  // A gateway of Envoy's kind asks with whatever method its client has used.
  const known = new Set<string>(app.supportedMethods);
  for (const method of METHODS) {
    if (!known.has(method) && method !== 'CONNECT') app.addHttpMethod(method, { hasBody: true });
  }
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, read) => {
      body.resume();
      read(null);
    });
    scope.setErrorHandler((error, request, reply) => {
      request.log.warn({ err: error }, 'a question of a gateway failed');
      refuse(reply, toProblemAnswer(error));
    });
    const route = (
      method: 'GET' | string[],
      url: string,
      read: (asked: GatewayQuestion) => DescribedRequest,
    ) =>
      scope.route({
        method,
        url,
        exposeHeadRoute: false,
        handler: (request, reply) => answer(request, reply, read, parts),
      });
    route('GET', '/forward-auth', forwardedRequest);
    route('GET', '/auth-request', originalRequest);
    route(scope.supportedMethods, '/ext-authz/*', extAuthzRequest);
    done();
  });
}

async function answer(
  { raw, log }: FastifyRequest,
  reply: FastifyReply,
  read: (asked: GatewayQuestion) => DescribedRequest,
  { forwardAuth, peers, problemOf }: ForwardAuthRouteParts,
): Promise<FastifyReply> {
  if (!peers.includes(raw.socket.remoteAddress)) {
    log.warn({ peer: raw.socket.remoteAddress }, 'not a gateway of FORWARD_AUTH_PEERS');
    return refuse(reply, toProblemAnswer(new ProblemError('forbidden')));
  }
  const { method = '', url: target = '', rawHeaders } = raw;
  const asked = read({ method, target, rawHeaders });
  if (asked.fault)
    return refuse(reply, { problem: makeProblem(asked.fault, FORWARD_AUTH_PROBLEMS[asked.fault]) });
  try {
    const { authorization, refusal } = await forwardAuth.answer({ ...asked, rawHeaders });
    if (refusal) return await refuse(reply, refusal);
    return await reply.header('authorization', authorization).header('content-length', 0).send();
  } catch (error) {
    const known = problemOf(error);
    if (!known) log.error({ err: error }, 'a question of a gateway failed');
    return refuse(reply, known ?? toProblemAnswer(new ProblemError('unavailable')));
  }
}

function refuse(reply: FastifyReply, { problem, headers = {} }: ProblemAnswer): FastifyReply {
  if (!REFUSAL_STATUSES.has(problem.status)) {
    return refuse(
      reply,
      toProblemAnswer(new ProblemError('unavailable', { retryAfterSeconds: 5 })),
    );
  }
  const document = JSON.stringify(problem);
  return reply
    .status(problem.status)
    .headers(headers)
    .header(PROBLEM_HEADER, document.replace(/[^\x20-\x7e]/g, '?'))
    .type('application/problem+json')
    .send(document);
}
