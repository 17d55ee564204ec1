import { z } from 'zod';

/** Text that the database can hold: Postgres has no place for U+0000, and its JSON none for half of a surrogate pair. */
export const storableText = z
  .string()
  .refine((text) => !/[\0\p{Cs}]/u.test(text), 'must be well-formed text without NUL');
