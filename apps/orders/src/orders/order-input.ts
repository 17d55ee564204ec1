import { z } from 'zod';

/** The body of `POST /orders`. */
export const placeOrder = z.strictObject({
  item: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !/[\0\p{Cs}]/u.test(text), 'must be well-formed text without NUL'),
  amount_cents: z.int().min(1).max(10_000_000),
});

/** The query of `GET /orders`. */
export const listOrders = z.strictObject({
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

/** The body of a request that says all in its path: none, or an empty object. */
export const nothing = z.strictObject({}).nullish();
