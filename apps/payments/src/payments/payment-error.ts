import { makeProblem } from '@countersign/service-host';
import type { ProblemAnswer } from '@countersign/service-host';

/** How a {@link PaymentError} is answered. */
export const PAYMENT_PROBLEMS = {
  already_paid: { status: 409, title: 'The order is paid already, with another amount' },
} as const;

/** Why a payment could not be made. */
export class PaymentError extends Error {
  override readonly name = 'PaymentError';

  constructor(readonly code: keyof typeof PAYMENT_PROBLEMS) {
    super(PAYMENT_PROBLEMS[code].title);
  }
}

/** The answer to a {@link PaymentError}; `undefined` for any other error. */
export function paymentProblem(error: unknown): ProblemAnswer | undefined {
  if (!(error instanceof PaymentError)) return undefined;
  return { problem: makeProblem(error.code, PAYMENT_PROBLEMS[error.code]) };
}
