import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError, problemForStatus } from './problem.js';
import type { Problem } from './problem.js';
import { reasonOf } from './reason.js';

/** An answer to an error: the document, and headers that go with it. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Turns a feature's own error into an answer, or `undefined` when it is not one of its own. */
export type ProblemMapping = (error: unknown) => ProblemAnswer | undefined;

/**
 * The one place where errors become answers: `application/problem+json` with a stable `code`. What nobody recognises is
 * logged with its cause and answered 500 with a fixed text.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly mappings: readonly ProblemMapping[] = []) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(error, http.getRequest(), http.getResponse(), this.mappings);
  }
}

/** Answers an error, and logs what is ours to mend. */
export function answerError(
  error: unknown,
  { log }: Pick<FastifyRequest, 'log'>,
  reply: FastifyReply,
  mappings: readonly ProblemMapping[],
): void {
  const { problem, headers = {} } = answerTo(error, mappings);
  const { status, code } = problem;
  if (status >= 500) {
    // 503 says that something else is away, often to every request: a warning, without the stack.
    if (status === 503) log.warn({ code, reason: reasonOf(error) }, 'request turned away');
    else log.error({ err: error, code }, 'request failed');
  }
  if (reply.sent) return;
  void reply
    .status(status)
    .headers(headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}

function answerTo(error: unknown, mappings: readonly ProblemMapping[]): ProblemAnswer {
  for (const mapping of mappings) {
    const answer = mapping(error);
    if (answer) return answer;
  }
  return toProblemAnswer(error);
}

/** The answer to an error that every service of ours can meet: our own, Nest's or Fastify's. */
export function toProblemAnswer(error: unknown): ProblemAnswer {
  if (error instanceof ProblemError) {
    const { problem, retryAfterSeconds } = error;
    return retryAfterSeconds === undefined
      ? { problem }
      : { problem, headers: { 'retry-after': String(retryAfterSeconds) } };
  }
  if (error instanceof HttpException) {
    const body = error.getResponse();
    if (isProblem(body)) return { problem: body };
    return { problem: problemForStatus(error.getStatus(), codeOf(error.cause)) };
  }
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return { problem: problemForStatus(typeof status === 'number' ? status : 500, codeOf(error)) };
}

function isProblem(body: unknown): body is Problem {
  return (
    typeof body === 'object' &&
    body !== null &&
    'code' in body &&
    'status' in body &&
    'type' in body
  );
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string'
    ? code
    : error instanceof SyntaxError
      ? 'INVALID_JSON'
      : undefined;
}
