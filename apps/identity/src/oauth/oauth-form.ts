import { z } from 'zod';

/**
 * The body of an OAuth request: a form, no parameter twice (RFC 6749 §3.2). One without a value counts as left out.
 */
const parameters = z
  .instanceof(URLSearchParams, { error: 'the body must be a form' })
  .refine((form) => new Set(form.keys()).size === form.size, 'a parameter is sent more than once')
  .transform((form): Record<string, unknown> =>
    Object.fromEntries([...form].filter(([, value]) => value !== '')),
  );

/**
 * What revocation (RFC 7009 §2.1) and introspection (RFC 7662 §2.1) take. Unknown parameters are ignored, and so is the
 * hint at the type: there is one type of token.
 */
export const tokenForm = parameters.pipe(
  z.object({ token: z.string({ error: 'is missing' }).max(16_384, 'is too long') }),
);

/** The same for people. */
export const describedTokenForm = z.object({
  token: z.string().max(16_384),
  token_type_hint: z.string().optional().describe('Ignored: there is one type of token'),
});

/** What the token endpoint takes for `client_credentials` (RFC 6749 §4.4.2). */
export const grantForm = parameters.pipe(
  z.object({
    grant_type: z.string({ error: 'is missing' }),
    scope: z.string().max(10_000, 'is too long').optional(),
    // For RFC 6749 §2.3: one way to authenticate at once.
    client_id: z.string().optional(),
    client_secret: z.string().optional(),
  }),
);

/** The same for people. */
export const describedGrantForm = z.object({
  grant_type: z.literal('client_credentials'),
  scope: z.string().optional().describe('Some of the scopes of the client; all of them without'),
});
