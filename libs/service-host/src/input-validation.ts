import { StandardSchemaValidationPipe } from '@nestjs/common';
import { ProblemError } from './problem.js';
import type { InputFault } from './problem.js';

/** Validates parameters that carry a schema (`@Body({ schema })`): 400 `invalid_input` naming each faulty member. */
export function inputValidationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: invalidInput,
  });
}

/** The same for input that does not come by a parameter. */
export function invalidInput(issues: readonly object[]): ProblemError {
  return new ProblemError('invalid_input', { errors: issues.slice(0, 20).flatMap(toFaults) });
}

interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
  /** zod lists unknown members in one issue of the parent. */
  readonly keys?: readonly string[];
}

function toFaults(issue: object): InputFault[] {
  const { message, path = [], keys } = issue as Issue;
  const segments = path.map((segment) =>
    typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment,
  );
  if (keys)
    return keys
      .slice(0, 20)
      .map((key) => ({ pointer: pointer([...segments, key]), detail: 'unknown member' }));
  return [{ pointer: pointer(segments), detail: message }];
}

function pointer(segments: readonly unknown[]): string {
  return segments
    .map(
      (segment) => `/${String(segment).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    )
    .join('');
}
