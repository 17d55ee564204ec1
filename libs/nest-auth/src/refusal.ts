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

/** Whether `token` has all of `scopes`. */
export function hasScopes(token: AccessToken, scopes: readonly string[]): boolean {
  return scopes.every((scope) => token.scopes.includes(scope));
}

/** @throws {Refusal} 403 when `token` lacks one of `scopes` */
export function requireScopes(token: AccessToken, scopes: readonly string[]): void {
  if (!hasScopes(token, scopes)) throw new Refusal(answerToMissingScope(scopes));
}

/** The part of a response that Fastify's reply and Express's response have in common. */
interface HeaderTarget {
  header(name: string, value: string): unknown;
}

/** Puts the headers of a refusal on the response before it goes on to the filters. Other errors have none. */
export function putRefusalHeaders(context: ExecutionContext, error: unknown): void {
  if (!(error instanceof Refusal)) return;
  const response = context.switchToHttp().getResponse<HeaderTarget>();
  for (const [name, value] of Object.entries(error.answer.headers)) response.header(name, value);
}
