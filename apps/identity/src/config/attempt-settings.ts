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
 * How often may be tried. Addresses are single IPv4 addresses and IPv6 networks of /64; networks are /24 and /48. Failures count, and what is under way;
 * of messages, refreshes and requests every one; of right passwords those, too.
 */
export const attemptSettings = {
  SIGN_IN_FREE_FAILURES: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000_000)
    .default(5)
    .describe('After so many wrong passwords for one account the next attempt has to wait.'),
  SIGN_IN_FIRST_DELAY_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(1)
    .describe('How long, and twice as long after each further one.'),
  SIGN_IN_LONGEST_DELAY_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3600)
    .default(900)
    .describe('How long at most.'),
  SIGN_IN_FAILURES_PER_ADDRESS: rate('100/600').describe('Wrong passwords from one address.'),
  SIGN_IN_FAILURES_PER_NETWORK: rate('400/600').describe(
    'Wrong passwords from one network: the /24 of an IPv4 address, the /48 of an IPv6 address.',
  ),
  SIGN_IN_FAILURES_IN_ALL: rate('600/60').describe(
    'Wrong passwords from everybody who is not on a known device.',
  ),
  PASSWORD_CHECKS_PER_ACCOUNT: rate('60/3600').describe(
    'Wrong current passwords for one account, in all its sessions together; in each they have to wait as at a sign-in.',
  ),
  RIGHT_PASSWORDS: rate('60/600').describe(
    'Right passwords for one account: on each known device, on all others together, and where whoever has signed in gives it again.',
  ),
  MESSAGES_PER_EMAIL: rate('5/3600').describe(
    'Messages that somebody can have sent to one address: registration, a forgotten password, another address.',
  ),
  MESSAGES_PER_ADDRESS: rate('30/3600').describe('The same from one address.'),
  MESSAGES_PER_NETWORK: rate('120/3600').describe('The same from one network.'),
  MESSAGES_IN_ALL: rate('300/60').describe('The same from everybody.'),
  EMAIL_TOKEN_FAILURES_PER_ADDRESS: rate('60/600').describe(
    'Wrong tokens, as messages bring them.',
  ),
  REFRESHES_PER_ADDRESS: rate('3000/60').describe(
    'Refreshes from one address, counted by each replica for itself.',
  ),
  REFRESHES_PER_NETWORK: rate('6000/60').describe('The same from one network.'),
  REQUESTS_PER_ADDRESS: rate('1200/60').describe(
    'Requests from one address to what is behind a session, counted by each replica for itself.',
  ),
  REQUESTS_PER_NETWORK: rate('6000/60').describe('The same from one network.'),
  CLIENT_FAILURES_PER_CLIENT: rate('30/60').describe(
    'Wrong client secrets for one client from one address.',
  ),
  CLIENT_FAILURES_PER_ADDRESS: rate('300/60').describe('Wrong client secrets from one address.'),
  KNOWN_DEVICE_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(3600)
    .max(400 * 86_400)
    .default(180 * 86_400)
    .describe('For how long a device is known after a sign-in.'),
};
