import { makeProblem } from '@countersign/service-host';
import type { Problem, ProblemAnswer } from '@countersign/service-host';

/**
 * The payments service cannot be reached, takes too long, or gives an answer that we do not know what to do with: 503, and
 * the caller may try again. That includes 4xx other than those below: the request was ours, so the caller is not to blame.
 */
export class PaymentsUnavailable extends Error {
  override readonly name = 'PaymentsUnavailable';
}

/** The payments service does not let the caller's token pay. Its answer is passed on as it is. */
export class PaymentRefused extends Error {
  override readonly name = 'PaymentRefused';

  constructor(
    readonly problem: Problem,
    readonly challenge: string | null,
  ) {
    super(`payments refused the token: ${problem.code}`);
  }
}

/** There is a payment for this order already, and not the one that was asked for. Trying again changes nothing. */
export class PaymentConflict extends Error {
  override readonly name = 'PaymentConflict';
}

/** What a caller is told instead of what payments said. */
export const PAYMENTS_PROBLEMS = {
  payment_conflict: { status: 409, title: 'There is another payment for this order' },
  payments_unavailable: { status: 503, title: 'Payments are not available right now' },
} as const;
const RETRY_AFTER_SECONDS = '5';

/** The answer to what {@link PaymentsService.pay} throws; `undefined` for any other error. */
export function paymentsProblem(error: unknown): ProblemAnswer | undefined {
  if (error instanceof PaymentsUnavailable) {
    return {
      problem: makeProblem('payments_unavailable', PAYMENTS_PROBLEMS.payments_unavailable),
      headers: { 'retry-after': RETRY_AFTER_SECONDS },
    };
  }
  if (error instanceof PaymentConflict) {
    return { problem: makeProblem('payment_conflict', PAYMENTS_PROBLEMS.payment_conflict) };
  }
  if (error instanceof PaymentRefused) {
    const { problem, challenge } = error;
    return challenge === null
      ? { problem }
      : { problem, headers: { 'www-authenticate': challenge } };
  }
  return undefined;
}
