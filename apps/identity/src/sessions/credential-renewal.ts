import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import type { CarriedSecrets, SessionCredentials } from './session-credentials.js';
import { replaceSecrets } from './session-rows.js';
import { SessionSecrets } from './session-secrets.js';
import { SessionTokens } from './session-tokens.js';
import { readStanding, stateOf } from './standing.js';

/** Gives a session other credentials after a change of privilege, such as a new password. */
@Injectable()
export class CredentialRenewal {
  constructor(
    private readonly secrets: SessionSecrets,
    private readonly tokens: SessionTokens,
  ) {}

  /**
   * Puts other secrets in the place of a session's, in a transaction of the caller's, which holds the session's lock alone, or no
   * lock that comes after it: whoever holds its refresh token or opaque cookie from before is simply refused. The `sid` stays. Access tokens
   * live on, unless the caller cuts them off.
   *
   * @returns what {@link withAccessToken} takes after the commit
   * @throws {DomainError} `session_ended`
   */
  async renewCredentialsIn(tx: EntityManager, sid: string): Promise<CarriedSecrets> {
    await takeLocks(tx, [{ resource: 'session', id: sid, mode: 'exclusive' }]);
    const session = await readStanding(tx, sid);
    if (!session || stateOf(session) !== 'live') throw new DomainError('session_ended');
    const { refreshToken, opaqueCookie, ...stored } = this.secrets.make(
      sid,
      session.delivery,
      session.generation,
    );
    await replaceSecrets(tx, sid, stored);
    return {
      session,
      refreshToken,
      opaqueCookie,
      endsIn: Math.floor(session.endsAt - session.now),
      idleEndsIn: Math.floor(session.idleEndsAt - session.now),
    };
  }

  /**
   * Issues the access token that goes with them.
   *
   * @throws {DomainError} `session_ended`, `revocation_in_progress`
   */
  async withAccessToken(carried: CarriedSecrets): Promise<SessionCredentials> {
    const { encoded, claims } = await this.tokens.issueFor(carried.session.sid);
    return { ...carried, accessToken: encoded, expiresIn: claims.exp - claims.iat };
  }
}
