import { onBehalfOf, traced } from '@countersign/service-host';
import type { IncomingRequest } from '@countersign/service-host';
import type { AccessToken } from '@countersign/token-verifier';
import { z } from 'zod';
import { PaymentConflict, PaymentRefused, PaymentsUnavailable } from './payments-error.js';

/** What is to be paid, and for which order. */
export interface Payment {
  readonly orderId: string;
  readonly amountCents: number;
}

const TIMEOUT_MS = 5_000;

/** What is passed on of a refusal. */
const refusal = z.object({
  type: z.string(),
  title: z.string(),
  status: z.union([z.literal(401), z.literal(403)]),
  code: z.string(),
});

/** The payments service, as this one sees it over HTTP. */
export class PaymentsService {
  constructor(
    private readonly origin: string,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  /**
   * Pays with the caller's own token, which the payments service verifies again by itself. Asking twice for one
   * order pays once, so it is safe to repeat after a failure.
   *
   * @param incoming the request on whose behalf it is
   * @throws {PaymentRefused} the token may not pay
   * @throws {PaymentConflict} the order was paid otherwise, for example with another amount
   * @throws {PaymentsUnavailable} nobody knows whether it was paid; ask again
   */
  async pay(payment: Payment, token: AccessToken, incoming: IncomingRequest): Promise<void> {
    const response = await traced('pay', () => this.#post(payment, token, incoming));
    if (response.status === 200 || response.status === 201) {
      await response.body?.cancel();
      return;
    }
    if (response.status === 409) {
      await response.body?.cancel();
      throw new PaymentConflict('payments knows of another payment');
    }
    const problem = refusal.safeParse(await response.json().catch(() => undefined));
    if (!problem.success || problem.data.status !== response.status) {
      throw new PaymentsUnavailable(`payments answered ${String(response.status)}`);
    }
    throw new PaymentRefused(problem.data, response.headers.get('www-authenticate'));
  }

  async #post(payment: Payment, token: AccessToken, incoming: IncomingRequest): Promise<Response> {
    try {
      return await fetch(`${this.origin}/payments`, {
        method: 'POST',
        headers: {
          ...onBehalfOf(incoming),
          authorization: `Bearer ${token.encoded}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ order_id: payment.orderId, amount_cents: payment.amountCents }),
        redirect: 'error',
        signal: AbortSignal.timeout(this.timeoutMs),
      });
    } catch (error) {
      throw new PaymentsUnavailable('payments did not answer', { cause: error });
    }
  }
}
