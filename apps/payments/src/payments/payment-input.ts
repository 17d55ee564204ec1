import { z } from 'zod';

/** The body of `POST /payments`. */
export const makePayment = z.strictObject({
  order_id: z.uuid(),
  amount_cents: z.int().min(1).max(10_000_000),
});

/** The query of `GET /payments`. */
export const listPayments = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'must be a number')
    .transform(Number)
    .pipe(z.number().min(1).max(100))
    .default(50),
  cursor: z
    .string()
    .regex(/^\d{1,9}$/, 'must be the next_cursor of a page')
    .transform(Number)
    .optional(),
});
