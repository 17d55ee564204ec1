import { z } from 'zod';

/** Text that the database can hold: Postgres has no place for U+0000. */
export const storableText = z
  .string()
  .refine((text) => !text.includes('\u0000'), 'must be text without NUL');
