import { z } from 'zod';

/** A password to be set: long rather than complicated (NIST SP 800-63B §3.1.1.2). Counted in code points. */
export const newPassword = z
  .string()
  .max(512)
  .refine((text) => Array.from(text).length >= 12, 'must have at least 12 characters')
  .refine((text) => Array.from(text).length <= 256, 'must have at most 256 characters');

/** A password to be compared: any that could have been set. */
export const givenPassword = z.string().min(1).max(512);
