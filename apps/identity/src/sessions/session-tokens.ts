import { Injectable } from '@nestjs/common';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import type { IssuedToken } from '../access-tokens/access-tokens.js';
import { DomainError } from '../platform/domain-error.js';
import { isSecretGood, parseOpaqueCookie } from './delivery/opaque-cookie.js';
import { lockingStanding, readStanding, stateOf, subjectOf } from './standing.js';
import type { Standing } from './standing.js';

/** Issues access tokens for sessions that have begun before. */
@Injectable()
export class SessionTokens {
  constructor(private readonly accessTokens: AccessTokens) {}

  /**
   * An access token for a live session. Nothing about the session changes.
   *
   * @param sid of a session that its holder has proved
   * @throws {DomainError} `session_ended`, `revocation_in_progress`
   */
  issueFor(sid: string): Promise<IssuedToken> {
    return this.#issue(sid, () => true);
  }

  /**
   * The same for the session of an opaque cookie, which must be the session's own still when the locks are held.
   *
   * @param value as it stands in the cookie
   * @throws {DomainError} `session_ended`, `client_disabled`, `revocation_in_progress`, `database_unavailable`
   */
  async issueForCookie(value: string): Promise<IssuedToken> {
    const cookie = parseOpaqueCookie(value);
    if (!cookie) throw new DomainError('session_ended');
    return this.#issue(cookie.sid, ({ cookieHash }) => isSecretGood(cookie.secret, cookieHash));
  }

  async #issue(sid: string, isShown: (standing: Standing) => boolean): Promise<IssuedToken> {
    const issued = await this.accessTokens.issueUnder(
      lockingStanding(sid, 'shared'),
      async (tx) => {
        const standing = await readStanding(tx, sid);
        if (!standing || stateOf(standing) !== 'live' || !isShown(standing)) {
          return { instead: 'session_ended' as const };
        }
        return { subject: subjectOf(standing), facts: standing };
      },
    );
    if ('instead' in issued) throw new DomainError(issued.instead);
    return issued;
  }
}
