import { z } from 'zod';
import { storableText } from '../../platform/storable-text.js';

/** Why somebody does something, for the audit log. */
export const reason = storableText.max(200).optional();

export const pageSize = z.coerce.number().int().min(1).max(200).default(50);

/** Seconds since 1970, as on every wire of ours. */
export function numericDate(instant: Date | null): number | null {
  return instant && instant.getTime() / 1000;
}
