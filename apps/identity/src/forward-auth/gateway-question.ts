import { answerError, invalidInput, ProblemError } from '@countersign/service-host';
import type { ProblemMapping } from '@countersign/service-host';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { METHOD } from './described-request.js';
import type { ForwardAuth } from './forward-auth.js';

/** As much as Node takes of all headers together. */
const LONGEST_HEADER = 16 * 1024;

/** What a gateway with credentials of its own tells of a request. */
export const gatewayQuestion = z.strictObject({
  /** Of the service that the request is meant for. */
  audience: z.string().min(1).max(100),
  method: z.string().regex(METHOD),
  /** Those that say who makes the request and from where, as they came: also twice the same. */
  headers: z
    .array(
      z.tuple([
        z.enum(['authorization', 'cookie', 'origin', 'sec-fetch-site', 'upgrade']),
        z.string().max(LONGEST_HEADER),
      ]),
    )
    .max(32),
});

export interface GatewayQuestionParts {
  readonly forwardAuth: Pick<ForwardAuth, 'answer'>;
  /** Whether the sender is a gateway. @throws {DomainError} `client_credentials_rejected` */
  readonly isGateway: (request: FastifyRequest) => Promise<boolean>;
  readonly problemOf: ProblemMapping;
}

/**
 * `POST /forward-auth`: where a gateway with credentials of its own asks about a request. Relying services with an audience are not
 * gateways. Not a controller: it is asked for every request of a session, and Nest's way to a handler costs as much as the answer.
 */
export function addGatewayQuestion(
  app: FastifyInstance,
  { forwardAuth, isGateway, problemOf }: GatewayQuestionParts,
): void {
  void app.register((scope, _options, done) => {
    scope.setErrorHandler((error, request, reply) =>
      answerError(error, request, reply, [problemOf]),
    );
    scope.removeContentTypeParser('application/x-www-form-urlencoded');
    scope.post('/forward-auth', {
      onRequest: async (request) => {
        if (!(await isGateway(request))) throw new ProblemError('forbidden');
      },
      handler: async ({ body }, reply) => {
        const { data, error } = gatewayQuestion.safeParse(body);
        if (error) throw invalidInput(error.issues);
        const { audience, method, headers } = data;
        const { authorization, refusal } = await forwardAuth.answer({
          audience,
          method,
          rawHeaders: headers.flat(),
        });
        if (!refusal) return reply.send({ authorization });
        return reply
          .status(refusal.status)
          .headers(refusal.headers)
          .type('application/problem+json')
          .send(JSON.stringify(refusal.problem));
      },
    });
    done();
  });
}
