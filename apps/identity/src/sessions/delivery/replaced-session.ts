import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { readRequestCredentials } from '@countersign/token-verifier';
import type { FastifyRequest } from 'fastify';
import { PastTokens } from '../../access-tokens/past-tokens.js';
import { personalDetails } from '../../audit/personal-details.js';
import { LOGGER } from '../../platform/platform.module.js';
import { OwnSessions } from '../own-sessions.js';
import { SessionLookup } from '../session-lookup.js';
import { OPAQUE } from './cookies.js';
import { OwnCookies } from './own-cookies.js';

/** Ends the session that a browser leaves by signing in again: its cookies are about to be written over. */
@Injectable()
export class ReplacedSession {
  constructor(
    private readonly pastTokens: PastTokens,
    private readonly lookup: SessionLookup,
    private readonly sessions: OwnSessions,
    private readonly cookies: OwnCookies,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Ends the live session whose cookie came with a sign-in; does nothing when there is none, or it does not show where it comes from.
   * Never fails: the new session has begun, and nobody would hold it if the answer were an error.
   */
  async end(request: FastifyRequest): Promise<void> {
    try {
      await this.#end(request);
    } catch (error) {
      this.logger.warn(
        { err: error },
        'the session that a browser left by signing in again goes on',
      );
    }
  }

  async #end(request: FastifyRequest): Promise<void> {
    const { method, raw, ip, headers } = request;
    const given = readRequestCredentials(
      { method, rawHeaders: raw.rawHeaders },
      this.cookies.credentials,
    );
    if (!('cookie' in given)) return;
    const session =
      given.cookie === OPAQUE.name
        ? await this.lookup.byCookie(given.token)
        : await this.#ofAccessToken(given.token);
    if (session?.state !== 'live') return;
    await this.sessions.end(session, 'signed_in_again', {
      receiptWanted: false,
      from: personalDetails(ip, headers['user-agent']),
    });
  }

  async #ofAccessToken(encoded: string) {
    // It has expired, mostly, when people sign in again; one that was not signed here is nobody's session.
    const sid = await this.pastTokens.sessionOf(encoded);
    return sid === undefined ? undefined : this.lookup.bySid(sid);
  }
}
