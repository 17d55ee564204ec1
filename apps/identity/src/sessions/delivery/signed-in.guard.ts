import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { isPublicRoute, Refusal, TokenVerifier } from '@countersign/nest-auth';
import {
  answerToUnusableCredentials,
  answerToVerifyError,
  readRequestCredentials,
} from '@countersign/token-verifier';
import type { AccessToken } from '@countersign/token-verifier';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PastTokens } from '../../access-tokens/past-tokens.js';
import { DomainError } from '../../platform/domain-error.js';
import { SessionLookup } from '../session-lookup.js';
import type { KnownSession } from '../session-lookup.js';
import { OPAQUE, ACCESS } from './cookies.js';
import { takeBackCookies } from './deliver-credentials.js';
import { OwnCookies } from './own-cookies.js';
import { rememberSignedIn } from './signed-in.js';
import type { SignedIn } from './signed-in.js';

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const LOGOUT = '/auth/logout';

/**
 * Lets a request to the public listener through when it comes from a person in a session: by an access token in the header or in a
 * cookie, or by the opaque cookie. A route without `@Public()` is protected. Whatever changes something also asks the database
 * whether the session has ended. A log-out needs no more than that a cookie was given here once, and leaves none.
 */
@Injectable()
export class SignedInGuard implements CanActivate {
  constructor(
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    private readonly lookup: SessionLookup,
    private readonly cookies: OwnCookies,
    private readonly pastTokens: PastTokens,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (isPublicRoute(context)) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    try {
      rememberSignedIn(request, await this.#whoAsks(request));
      return true;
    } catch (error) {
      const reply = http.getResponse<FastifyReply>();
      if (error instanceof Refusal) reply.headers(error.answer.headers);
      if (isLogout(request) && isNobody(error)) takeBackCookies(reply);
      throw error;
    }
  }

  /** @throws {Refusal} @throws {DomainError} `session_ended`, `database_unavailable` */
  async #whoAsks(request: FastifyRequest): Promise<SignedIn> {
    const given = readRequestCredentials(
      { method: request.method, rawHeaders: request.raw.rawHeaders },
      this.cookies.credentials,
    );
    if ('missing' in given) throw new Refusal(answerToUnusableCredentials(given.missing));
    if (given.cookie === OPAQUE.name) {
      return fromSession(requireLive(await this.lookup.byCookie(given.token)));
    }
    const left =
      given.cookie === ACCESS.name && isLogout(request) && (await this.#leaving(given.token));
    if (left) return left;
    const token = await this.#verify(given.token);
    const signedIn = fromToken(token, given.cookie === ACCESS.name ? 'cookie' : 'bearer');
    if (!READING.has(request.method)) requireLive(await this.lookup.bySid(signedIn.sid));
    return signedIn;
  }

  /** The live session of an access cookie whose token may have expired: the refresh cookie, which is good for longer, is not sent here. */
  async #leaving(encoded: string): Promise<SignedIn | undefined> {
    const sid = await this.pastTokens.sessionOf(encoded);
    const session = sid === undefined ? undefined : await this.lookup.bySid(sid);
    return session?.state === 'live' ? { ...fromSession(session), by: 'cookie' } : undefined;
  }

  async #verify(encoded: string): Promise<AccessToken> {
    try {
      return await this.verifier.verify(encoded);
    } catch (error) {
      const answer = answerToVerifyError(error);
      throw answer ? new Refusal(answer, error) : error;
    }
  }
}

function isLogout({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url === LOGOUT;
}

function isNobody(error: unknown): boolean {
  if (error instanceof Refusal) return error.answer.status === 401;
  return error instanceof DomainError && error.code === 'session_ended';
}

function requireLive(session: KnownSession | undefined): KnownSession {
  if (session?.state !== 'live') throw new DomainError('session_ended');
  return session;
}

function fromSession(session: KnownSession): SignedIn {
  const { sid, accountId, clientId, scopes, authTime, expiresAt } = session;
  return { sid, accountId, clientId, scopes, authTime, expiresAt, by: 'session' };
}

/** @throws {DomainError} `session_ended` for a token that no person has */
function fromToken(token: AccessToken, by: 'bearer' | 'cookie'): SignedIn {
  const { sessionId: sid, authTime, subject: accountId, clientId, scopes, expiresAt } = token;
  if (sid === undefined || authTime === undefined) throw new DomainError('session_ended');
  return { sid, accountId, clientId, scopes, authTime, expiresAt, by };
}
