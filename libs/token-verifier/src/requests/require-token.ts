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
      writeHead(status: number, headers: Record<string, string>): unknown;
      end(body: string): unknown;
    }
  | {
      code(status: number): unknown;
      headers(values: Record<string, string>): unknown;
      send(body: unknown): unknown;
    };

/**
 * Makes a guard for a server without Nest: a middleware of Express, an `onRequest` hook of Fastify, or to be called by a request
 * listener of `node:http`. It lets a request through, by calling `next`, when its token verifies and has the scopes, and
 * answers all others itself. `currentToken(request)` gives the token.
 *
 * Reads the `Authorization` header alone, like {@link authenticateRequest}.
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
    // What it rejects with is a mistake in a program: then nothing is let through, and Node says where.
    void authenticateRequest(verifier, rawHeaders, requirements).then(({ token, refusal }) => {
      if (refusal) {
        refuse(response, refusal);
        return;
      }
      rememberToken(request, token);
      next();
    });
  };
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
