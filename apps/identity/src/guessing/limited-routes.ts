import type { AttemptKind } from './attempt-plan.js';

/** The route of a request as it is spelt here. HEAD is a GET whose body is not sent (RFC 9110 §9.3.2), and costs as much. */
export function limitedRouteOf(request: {
  readonly method: string;
  readonly routeOptions: { readonly url?: string | undefined };
}): string {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  return `${method} ${request.routeOptions.url ?? ''}`;
}

/** What is tried by a request to each route of the public listener. A test holds it to the routes that there are. */
export const LIMITED_ROUTES: Readonly<Record<string, readonly AttemptKind[]>> = {
  'POST /auth/login': ['sign_in', 'right_password'],
  'POST /auth/refresh': ['refresh'],
  'POST /auth/register': ['message'],
  'POST /auth/password': ['password_check', 'right_password'],
  'POST /auth/password-reset': ['message'],
  'POST /auth/password-reset/confirm': ['email_token'],
  'POST /auth/email/verify': ['email_token'],
  'POST /auth/email/change': ['password_check', 'right_password', 'message'],
  'POST /auth/email/change/confirm': ['email_token'],
  'POST /auth/email/restore': ['email_token'],
  'POST /auth/account/export': ['password_check', 'right_password'],
  'POST /auth/account/delete': ['password_check', 'right_password'],
  'DELETE /auth/sessions': ['password_check', 'right_password'],
  'DELETE /auth/sessions/:sid': ['password_check', 'right_password'],
  'POST /oauth/token': ['client_credentials'],
  'POST /oauth/revoke': ['client_credentials'],
};

/** Where a password is hashed, or may be: its network has a share of the places for that, whatever else it is counted by. */
export const HASHING_ROUTES: ReadonlySet<string> = new Set([
  'POST /auth/login',
  'POST /auth/password',
  'POST /auth/password-reset/confirm',
  'POST /auth/email/verify',
  'POST /auth/email/change',
  'POST /auth/email/restore',
  'POST /auth/account/export',
  'POST /auth/account/delete',
  'DELETE /auth/sessions',
  'DELETE /auth/sessions/:sid',
]);

/**
 * Where the current password may be left out. Who leaves it out tries nothing and has nothing hashed: a thief who guesses in one session
 * does not keep an owner who has just signed in from ending it.
 */
export const OPTIONAL_PROOF_ROUTES: ReadonlySet<string> = new Set([
  'POST /auth/account/export',
  'POST /auth/account/delete',
  'DELETE /auth/sessions',
  'DELETE /auth/sessions/:sid',
]);

/** The description of the API: texts in memory, but long ones. */
export const DESCRIPTION_ROUTES = ['GET /auth/openapi.json', 'GET /auth/docs'] as const;

/**
 * There is nothing to guess, but each request costs something: behind a session a look at a token or a session, whether it is good or not;
 * the description of the API some tens of kilobytes. So requests are counted, before that.
 */
export const COUNTED_ROUTES: ReadonlySet<string> = new Set([
  'GET /auth/me',
  'POST /auth/logout',
  'GET /auth/sessions',
  'DELETE /auth/sessions',
  'DELETE /auth/sessions/:sid',
  'GET /auth/activity',
  'POST /auth/password',
  'POST /auth/email/change',
  'POST /auth/email/change/confirm',
  'POST /auth/account/export',
  'POST /auth/account/delete',
  ...DESCRIPTION_ROUTES,
]);

/**
 * Open to everybody and without a limit: short texts that are in memory, hardly more than a refusal, and kept by caches. A verifier that was
 * refused its keys would refuse everybody.
 */
export const UNLIMITED_ROUTES: ReadonlySet<string> = new Set([
  'GET /.well-known/jwks.json',
  'GET /.well-known/oauth-authorization-server',
]);
