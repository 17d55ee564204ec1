import { z } from 'zod';

/** The one spelling under which an address is stored and found: NFC, without surrounding space, in lower case. */
export function normalizeEmail(address: string): string {
  return address.normalize('NFC').trim().toLowerCase();
}

/** An e-mail address in a request; gives the normalised spelling. */
export const emailAddress = z
  .string()
  .max(254)
  .transform(normalizeEmail)
  .pipe(z.email('must be an e-mail address'));
