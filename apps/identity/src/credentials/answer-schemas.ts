import { z } from 'zod';

/** The answer to everything that is followed by a message, or not: always the same. */
export const messageAnswer = z.strictObject({ status: z.literal('accepted'), detail: z.string() });

/** The answer to something that was done. */
export const doneAnswer = <Status extends string>(status: Status) =>
  z.strictObject({ status: z.literal(status) });

/** How a token from a message may be refused, and what goes wrong where a password is set with it. */
export const EMAIL_TOKEN_PROBLEMS = ['email_token_rejected', 'database_unavailable'] as const;
export const NEW_PASSWORD_PROBLEMS = [...EMAIL_TOKEN_PROBLEMS, 'overloaded'] as const;

/** How the current password, or what stands for it, may be refused. */
export const OWNER_CHECK_PROBLEMS = [
  'current_password_rejected',
  'recent_sign_in_required',
  'overloaded',
] as const;
