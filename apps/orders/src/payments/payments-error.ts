import { makeProblem } from '@countersign/service-host';
import type { Problem, ProblemAnswer } from '@countersign/service-host';

/** The payments service cannot be reached, takes too long, or makes no sense: 503, and the caller may try again. */
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

const UNAVAILABLE = { status: 503, title: 'Payments are not available right now' };
const RETRY_AFTER_SECONDS = '5';

/** The answer to what {@link PaymentsService.pay} throws; `undefined` for any other error. */
export function paymentsProblem(error: unknown): ProblemAnswer | undefined {
  if (error instanceof PaymentsUnavailable) {
    return {
      problem: makeProblem('payments_unavailable', UNAVAILABLE),
      headers: { 'retry-after': RETRY_AFTER_SECONDS },
    };
  }
  if (error instanceof PaymentRefused) {
    const { problem, challenge } = error;
    return challenge === null
      ? { problem }
      : { problem, headers: { 'www-authenticate': challenge } };
  }
  return undefined;
}
