import {
  answerToUnusableCredentials,
  answerToVerifyError,
  readBearerCredentials,
} from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendAnswer } from './answers.js';

const verified = new WeakMap<object, string>();

/** A hook that lets a request pass when its token is good for the relying service `audience`. Scopes are that service's to check. */
export function verifyAtTheEdge(verifier: TokenVerifier, audience: string) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const credentials = readBearerCredentials(request.raw.rawHeaders);
    if ('missing' in credentials) {
      return sendAnswer(reply, answerToUnusableCredentials(credentials.missing));
    }
    try {
      await verifier.verify(credentials.token, { audience });
    } catch (error) {
      const answer = answerToVerifyError(error);
      if (!answer) throw error;
      return sendAnswer(reply, answer);
    }
    verified.set(request, credentials.token);
    return undefined;
  };
}

/**
 * The token that was verified for a request.
 *
 * @throws {TypeError} when none was: such a request must not reach a relying service
 */
export function verifiedTokenOf(request: object): string {
  const token = verified.get(request);
  if (token === undefined) throw new TypeError('the request was not verified');
  return token;
}
