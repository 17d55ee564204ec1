import { authenticateRequest, checkRequirements } from './authenticate-request.js';
import type { RequestRequirements } from './authenticate-request.js';
import { rememberToken } from './current-token.js';
import type { HttpAnswer } from './http-answer.js';
import type { TokenVerifier } from '../token-verifier.js';

interface NodeRequest {
  readonly rawHeaders: readonly string[];
}

/** A request of `node:http` and so of Express, or of Fastify around one. */
export type GuardedRequest = NodeRequest | { readonly raw: NodeRequest };

/** A response of `node:http` and so of Express, or a reply of Fastify. */
export type GuardedResponse =
  | {
      readonly headersSent: boolean;
      writeHead(status: number, headers: Record<string, string>): unknown;
      end(body: string): unknown;
    }
  | {
      readonly sent: boolean;
      code(status: number): unknown;
      headers(values: Record<string, string>): unknown;
      send(body: unknown): unknown;
    };

/**
 * Makes a guard for a server without Nest: a middleware of Express, an `onRequest` hook of Fastify, or to be called by a request
 * listener of `node:http`. It lets a request through, by calling `next`, when its token verifies and has the scopes, and
 * answers all others itself. `currentToken(request)` gives the token.
 *
 * Reads the `Authorization` header alone, like {@link authenticateRequest}. A request that somebody else has answered meanwhile, as
 * a time-out does, goes no further. What is not about the request is a mistake in a program: it is answered 500 and told
 * as a warning of the process.
 *
 * @throws {TypeError} for requirements that make no sense, and when neither they nor the verifier names an audience
 */
export function requireToken(
  verifier: Pick<TokenVerifier, 'verify' | 'audience'>,
  requirements: RequestRequirements = {},
): (request: GuardedRequest, response: GuardedResponse, next: () => void) => void {
  checkRequirements(requirements);
  if ((requirements.audience ?? verifier.audience) === null) {
    throw new TypeError('requireToken needs an audience: the verifier has none configured');
  }
  return (request, response, next) => {
    const { rawHeaders } = 'raw' in request ? request.raw : request;
    void authenticateRequest(verifier, rawHeaders, requirements).then(
      ({ token, refusal }) => {
        if (isAnswered(response)) return;
        if (refusal) {
          refuse(response, refusal);
          return;
        }
        rememberToken(request, token);
        next();
      },
      (fault: unknown) => {
        const { stack = String(fault) } = Object(fault) as { readonly stack?: string };
        process.emitWarning(stack, 'CountersignFault');
        if (!isAnswered(response)) refuse(response, INTERNAL_ERROR);
      },
    );
  };
}

const INTERNAL_ERROR: HttpAnswer = {
  status: 500,
  headers: { 'content-type': 'application/problem+json' },
  problem: {
    type: 'urn:countersign:error:internal_error',
    title: 'Something went wrong here',
    status: 500,
    code: 'internal_error',
  },
};

function isAnswered(response: GuardedResponse): boolean {
  return 'writeHead' in response ? response.headersSent : response.sent;
}

function refuse(response: GuardedResponse, { status, headers, problem }: HttpAnswer): void {
  if ('writeHead' in response) {
    response.writeHead(status, headers);
    response.end(JSON.stringify(problem));
  } else {
    response.code(status);
    response.headers(headers);
    response.send(problem);
  }
}
