import { availableParallelism } from 'node:os';
import { z } from 'zod';

const MOST_PROCESSES = 32;

/** OWASP's list for argon2id with one lane (Password Storage Cheat Sheet): any of them will do, or more of both. */
const OWASP_MINIMA = [
  { memoryKiB: 47_104, passes: 1 },
  { memoryKiB: 19_456, passes: 2 },
  { memoryKiB: 12_288, passes: 3 },
  { memoryKiB: 9_216, passes: 4 },
  { memoryKiB: 7_168, passes: 5 },
] as const;

/** How passwords are hashed. */
export const argon2Settings = {
  ARGON2_MEMORY_KIB: z.coerce
    .number()
    .int()
    .min(7_168)
    .max(1_048_576)
    .default(19_456)
    .describe('Memory of one argon2id hash, KiB.'),
  ARGON2_PASSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(20)
    .default(2)
    .describe(
      'Its passes. With the memory it must cost at least what one row of the OWASP list does.',
    ),
  PASSWORD_HASH_PROCESSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(MOST_PROCESSES)
    .default(Math.min(availableParallelism(), MOST_PROCESSES))
    .meta({ description: 'How many processes hash at once.', defaultFrom: 'as many as cores' }),
  PASSWORD_HASH_QUEUE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(16)
    .describe('How many hashes may wait for one: past that, 503.'),
};

/** Whether hashing costs a guesser at least what one row of OWASP's list does. */
export function costsEnough(memoryKiB: number, passes: number): boolean {
  return OWASP_MINIMA.some((row) => memoryKiB >= row.memoryKiB && passes >= row.passes);
}
