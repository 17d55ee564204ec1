import { HttpException } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { answerToMissingScope, answerToVerifyError } from '@countersign/token-verifier';
import type { AccessToken, HttpAnswer } from '@countersign/token-verifier';

/**
 * A refused request. The body is a problem document (RFC 9457), so that any exception filter that passes bodies on, also
 * Nest's own, answers right. `answer.headers` belong on the response; our guards set them.
 */
export class Refusal extends HttpException {
  constructor(
    readonly answer: HttpAnswer,
    cause?: unknown,
  ) {
    super({ ...answer.problem }, answer.status, { cause });
  }
}

/** Turns what `verify()` threw into a {@link Refusal}. Anything that is not a verdict passes unchanged: it is a fault. */
export function toRefusal(error: unknown): unknown {
  const answer = answerToVerifyError(error);
  return answer ? new Refusal(answer, error) : error;
}

/** @throws {Refusal} 403 when `token` lacks one of `scopes` */
export function requireScopes(token: AccessToken, scopes: readonly string[]): void {
  if (!scopes.every((scope) => token.scopes.includes(scope))) {
    throw new Refusal(answerToMissingScope(scopes));
  }
}

/** The part of a response that Fastify's reply and Express's response have in common. */
interface HeaderTarget {
  header(name: string, value: string): unknown;
}

/** Runs a guard's checks, and puts the headers of a refusal on the response before it goes on to the filters. */
export async function withRefusalHeaders(
  context: ExecutionContext,
  checks: () => Promise<void>,
): Promise<true> {
  try {
    await checks();
    return true;
  } catch (error) {
    if (error instanceof Refusal) {
      const response = context.switchToHttp().getResponse<HeaderTarget>();
      const headers = { ...error.answer.headers, 'content-type': 'application/problem+json' };
      for (const [name, value] of Object.entries(headers)) response.header(name, value);
    }
    throw error;
  }
}
