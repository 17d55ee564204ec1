import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { ProvedPassword } from '../../accounts/accounts.js';
import type { SessionCredentials } from '../session-credentials.js';
import { ACCESS, clearCookie, COOKIES, OPAQUE, REFRESH, setCookie } from './cookies.js';
import type { CookieKind } from './cookies.js';

const session = z.strictObject({ sid: z.uuid(), device_name: z.string().nullable() });

/** The body of an answer that hands out credentials. Tokens are in it for delivery `bearer` only. */
export const credentialsAnswer = z.strictObject({
  access_token: z.string().optional(),
  token_type: z.literal('Bearer').optional(),
  expires_in: z
    .int()
    .optional()
    .describe('Seconds that the access token lives; not for delivery `session`, which has none'),
  refresh_token: z.string().optional(),
  refresh_expires_in: z
    .int()
    .optional()
    .describe('Seconds that the refresh token is good for unless it is used before'),
  session,
});
export type CredentialsAnswer = z.infer<typeof credentialsAnswer>;

const proofs = new WeakMap<CredentialsAnswer, ProvedPassword>();

/** The password that was proved for what an answer hands out; `undefined` when it hands out nothing, or none was. */
export function provedFor(answer: unknown): ProvedPassword | undefined {
  return proofs.get(answer as CredentialsAnswer);
}

/**
 * Hands credentials to a client as its session's delivery wants it: in the body, or in cookies, which live as long as what they
 * hold when the session is remembered, and otherwise die with the browser. A browser that holds cookies of another delivery
 * forgets them: with both it would be nobody.
 */
export function deliverCredentials(
  credentials: SessionCredentials,
  reply: FastifyReply,
): CredentialsAnswer {
  const cookies = cookiesOf(credentials);
  const isAnyHeld = holdsCookies(reply);
  const isStale = (kind: CookieKind) =>
    !cookies.some(([{ name }]) => name === kind.name) &&
    // The refresh cookie is sent to one path only, so it may be there unseen.
    (isAnyHeld || (kind === REFRESH && credentials.session.delivery === 'session'));
  const set = cookies.map(([kind, value, maxAge]) => setCookie(kind, value, maxAge));
  const lines = [...set, ...COOKIES.filter(isStale).map(clearCookie)];
  if (lines.length > 0) reply.header('set-cookie', lines);
  const answer = bodyOf(credentials);
  if (credentials.proved) proofs.set(answer, credentials.proved);
  return answer;
}

/** Makes a browser forget every cookie of ours, when it has shown any. */
export function takeBackCookies(reply: FastifyReply): void {
  if (holdsCookies(reply)) reply.header('set-cookie', COOKIES.map(clearCookie));
}

function holdsCookies(reply: FastifyReply): boolean {
  const { cookie = '' } = reply.request.headers;
  return COOKIES.some(({ name }) => cookie.includes(`${name}=`));
}

function cookiesOf(credentials: SessionCredentials): [CookieKind, string, number | undefined][] {
  const { session, accessToken, refreshToken, opaqueCookie } = credentials;
  const kept = (seconds: number) => (session.remembered ? seconds : undefined);
  switch (session.delivery) {
    case 'bearer':
      return [];
    case 'cookie':
      return [
        // As long as the other: a refresh cookie counts only with it, also when its token has expired.
        [ACCESS, accessToken, kept(credentials.idleEndsIn)],
        [REFRESH, refreshToken ?? '', kept(credentials.idleEndsIn)],
      ];
    case 'session':
      return [[OPAQUE, opaqueCookie ?? '', kept(credentials.endsIn)]];
  }
}

function bodyOf(credentials: SessionCredentials): CredentialsAnswer {
  const { sid, deviceName, delivery } = credentials.session;
  const session = { sid, device_name: deviceName };
  if (delivery === 'session') return { session };
  const times = {
    expires_in: credentials.expiresIn,
    refresh_expires_in: credentials.idleEndsIn,
    session,
  };
  if (delivery === 'cookie') return times;
  return {
    access_token: credentials.accessToken,
    token_type: 'Bearer',
    ...(credentials.refreshToken !== null && { refresh_token: credentials.refreshToken }),
    ...times,
  };
}
