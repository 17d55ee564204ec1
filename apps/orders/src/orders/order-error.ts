import { makeProblem } from '@countersign/service-host';
import type { ProblemAnswer } from '@countersign/service-host';

/** How an {@link OrderError} is answered. */
export const ORDER_PROBLEMS = {
  order_not_found: { status: 404, title: 'There is no such order' },
  already_paid: { status: 409, title: 'The order is paid already' },
} as const;

/** Why an order could not be handled. */
export class OrderError extends Error {
  override readonly name = 'OrderError';

  constructor(readonly code: keyof typeof ORDER_PROBLEMS) {
    super(ORDER_PROBLEMS[code].title);
  }
}

/** The answer to an {@link OrderError}; `undefined` for any other error. */
export function orderProblem(error: unknown): ProblemAnswer | undefined {
  if (!(error instanceof OrderError)) return undefined;
  return { problem: makeProblem(error.code, ORDER_PROBLEMS[error.code]) };
}
