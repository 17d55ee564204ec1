import { Injectable } from '@nestjs/common';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import type { IssuedToken } from '../access-tokens/access-tokens.js';
import { DomainError } from '../platform/domain-error.js';
import { lockingStanding, readStanding, stateOf, subjectOf } from './standing.js';

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
  async issueFor(sid: string): Promise<IssuedToken> {
    const issued = await this.accessTokens.issueUnder(
      lockingStanding(sid, 'shared'),
      async (tx) => {
        const standing = await readStanding(tx, sid);
        if (!standing || stateOf(standing) !== 'live') return { instead: 'session_ended' as const };
        return { subject: subjectOf(standing), facts: standing };
      },
    );
    if ('instead' in issued) throw new DomainError(issued.instead);
    return issued;
  }
}
