import { z } from 'zod';
import { storableText } from '../platform/storable-text.js';

/** The audience that identity itself wants to read: what people do about their own account. */
const IDENTITY_AUDIENCE = 'identity';

/** What a client may be called. No UUID: as `sub` of its own tokens it could be taken for a person (RFC 9068 §5). */
export const clientId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes')
  .refine((id) => !z.uuid().safeParse(id).success, 'must not look like the id of a person');

/** A list without repetitions. Its size as JSON is bounded, so that no token is longer than what verifiers take. */
const listOf = (item: z.ZodType<string>, maxBytes: number) =>
  z
    .array(item)
    .max(100)
    .refine((list) => new Set(list).size === list.length, 'must not name one twice')
    .refine((list) => Buffer.byteLength(JSON.stringify(list)) <= maxBytes, 'is too long in all');

/** Names of relying services, as they want to read them in `aud`. */
export const clientAudiences = listOf(storableText.min(1).max(100), 2_000).min(1);

/** RFC 6749 §3.3. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/;
export const clientScopes = listOf(
  z.string().regex(SCOPE_TOKEN, 'must be a scope, without spaces'),
  3_000,
);

/** Why a client cannot have these audiences; `undefined` when it can. */
export function audienceFault(
  kind: 'public' | 'confidential',
  audiences: readonly string[],
): string | undefined {
  const hasIdentity = audiences.includes(IDENTITY_AUDIENCE);
  if (kind === 'public' && !hasIdentity) {
    return 'a client that people sign in through needs the audience identity: nobody could sign out otherwise';
  }
  if (kind === 'confidential' && hasIdentity) {
    return 'identity offers nothing to the tokens of a service';
  }
  return undefined;
}

/**
 * The scopes of a token that is asked for (RFC 6749 §3.3): all that the client has when it names none, never another.
 *
 * @returns `undefined` when one is asked for that the client does not have, or the text is no list of scopes
 */
export function grantedScopes(
  has: readonly string[],
  asked: string | undefined,
): readonly string[] | undefined {
  if (asked === undefined) return has;
  const scopes = [...new Set(asked.split(' '))];
  return scopes.every((scope) => has.includes(scope)) ? scopes : undefined;
}
