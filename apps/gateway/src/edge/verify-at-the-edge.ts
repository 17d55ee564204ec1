import {
  answerToUnusableCredentials,
  answerToVerifyError,
  readRequestCredentials,
  SESSION_COOKIE,
} from '@countersign/token-verifier';
import type { CookiePolicy, RequestCredentials, TokenVerifier } from '@countersign/token-verifier';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SessionSwap } from '../swap/session-swap.js';
import type { SwapAnswer } from '../swap/swap-answer.js';
import { EDGE_ANSWERS, sendAnswer } from './answers.js';
import { provenanceOf } from './provenance.js';

/** The token that was verified for a request. */
export interface VerifiedToken {
  readonly token: string;
  /** It came in a cookie that scripts cannot read, or instead of one: the client must not get to see it. */
  readonly isHidden: boolean;
}

const verified = new WeakMap<object, VerifiedToken>();

/** What a token is refused for that was overtaken: by a cut-off or its end, between its making and its check. */
const OVERTAKEN: ReadonlySet<string | undefined> = new Set(['revoked', 'expired']);

/** What tells who makes a request. */
export interface EdgeChecks {
  readonly verifier: TokenVerifier;
  readonly swap: Pick<SessionSwap, 'swap'>;
  readonly cookies: CookiePolicy;
}

/**
 * A hook that lets a request pass when its token is good for the relying service `audience`: one in the header, one in a cookie, or
 * the one that its opaque cookie is swapped for. Scopes are that service's to check. Of a session that goes on, a token that was
 * overtaken is swapped once more, and never answered as if the session were over.
 */
export function verifyAtTheEdge({ verifier, swap, cookies }: EdgeChecks, audience: string) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const { method } = request;
    const { rawHeaders } = request.raw;
    const given = readRequestCredentials({ method, rawHeaders }, cookies);
    if ('missing' in given) return sendAnswer(reply, answerToUnusableCredentials(given.missing));
    const isSwapped = given.cookie === SESSION_COOKIE;
    let checked = await check(await tokenOf(given));
    if (isSwapped && isOvertaken(checked)) checked = await check(await tokenOf(given));
    if (isSwapped && isOvertaken(checked))
      checked = { refusal: EDGE_ANSWERS.forwardAuthUnavailable };
    if (checked.refusal) return sendAnswer(reply, checked.refusal);
    verified.set(request, { token: checked.token, isHidden: given.cookie !== undefined });
    return undefined;

    async function tokenOf(
      credentials: Exclude<RequestCredentials, { missing: unknown }>,
    ): Promise<SwapAnswer> {
      if (!isSwapped) return { token: credentials.token };
      const provenance = provenanceOf(rawHeaders);
      return swap.swap({ cookie: credentials.token, audience, method, provenance });
    }
  };

  async function check(answer: SwapAnswer): Promise<SwapAnswer> {
    if (answer.refusal) return answer;
    try {
      await verifier.verify(answer.token, { audience });
      return answer;
    } catch (error) {
      const refusal = answerToVerifyError(error);
      if (!refusal) throw error;
      return { refusal };
    }
  }
}

function isOvertaken({ refusal }: SwapAnswer): boolean {
  return OVERTAKEN.has(refusal?.problem.code);
}

/**
 * The token that was verified for a request.
 *
 * @throws {TypeError} when none was: such a request must not reach a relying service
 */
export function verifiedTokenOf(request: object): VerifiedToken {
  const token = verified.get(request);
  if (token === undefined) throw new TypeError('the request was not verified');
  return token;
}
