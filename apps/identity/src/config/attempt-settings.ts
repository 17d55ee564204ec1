import { z } from 'zod';

/** So many in so many seconds, from the first of them on. */
export interface Rate {
  readonly points: number;
  readonly seconds: number;
}

/** `points/seconds`. There is none that means "no limit": who needs that gives a high number. */
const rate = (fallback: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,5}$/, 'must be of the form number/seconds')
    .refine((text) => Number(text.split('/')[1]) <= 86_400, 'must be a day at most')
    .default(fallback)
    .transform((text): Rate => {
      const [points = 0, seconds = 0] = text.split('/').map(Number);
      return { points, seconds };
    });

/**
 * How often may be tried. Addresses are single IPv4 addresses and IPv6 networks of /64. Failures count, and what is under way;
 * of messages and refreshes every one.
 */
export const attemptSettings = {
  /** After so many wrong passwords for one account the next attempt has to wait, and twice as long after each further one. */
  SIGN_IN_FREE_FAILURES: z.coerce.number().int().min(1).max(1_000_000_000).default(5),
  SIGN_IN_FIRST_DELAY_SECONDS: z.coerce.number().int().min(1).max(3600).default(1),
  SIGN_IN_LONGEST_DELAY_SECONDS: z.coerce.number().int().min(1).max(3600).default(900),
  SIGN_IN_FAILURES_PER_ADDRESS: rate('100/600'),
  SIGN_IN_FAILURES_IN_ALL: rate('600/60'),
  /** Messages that somebody can have sent: registration, a forgotten password, another address. */
  MESSAGES_PER_EMAIL: rate('5/3600'),
  MESSAGES_PER_ADDRESS: rate('30/3600'),
  MESSAGES_IN_ALL: rate('300/60'),
  /** Wrong tokens as messages bring them. */
  EMAIL_TOKEN_FAILURES_PER_ADDRESS: rate('60/600'),
  /** Counted by each replica for itself. */
  REFRESHES_PER_ADDRESS: rate('6000/60'),
  /** Wrong client secrets: for one client from one address, and from one address. */
  CLIENT_FAILURES_PER_CLIENT: rate('30/60'),
  CLIENT_FAILURES_PER_ADDRESS: rate('300/60'),
  /** For how long a device is known after a sign-in. */
  KNOWN_DEVICE_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(3600)
    .max(400 * 86_400)
    .default(180 * 86_400),
};
