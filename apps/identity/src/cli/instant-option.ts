import { InvalidArgumentError } from 'commander';
import { z } from 'zod';

const isoInstant = z.iso.datetime({ offset: true });

/**
 * Reads an instant on the command line: seconds since 1970, or ISO 8601 with its offset.
 *
 * @returns NumericDate, whole seconds
 * @throws {InvalidArgumentError}
 */
export function parseInstant(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  if (isoInstant.safeParse(text).success) return Math.floor(new Date(text).getTime() / 1000);
  throw new InvalidArgumentError('say it like 2026-03-01T12:00:00Z, or in seconds since 1970.');
}
