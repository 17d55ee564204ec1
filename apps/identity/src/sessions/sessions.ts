import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import { maySignIn } from '../accounts/account.js';
import { passwordEraOf } from '../accounts/accounts.js';
import { scopesOf } from '../accounts/roles.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Database, prepared } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { EpochRaising } from '../revocation/epoch-raising.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endAllSessions, endEachIn } from './end-sessions.js';
import type { EndedEach, EndReason } from './end-sessions.js';
import { NewSessions } from './new-sessions.js';
import type { SignInContext } from './new-sessions.js';
import type { SessionCredentials } from './session-credentials.js';
import { sessionLifetime } from './session-lifetime.js';
import { Session } from './session.js';
import { lockingSignIn, readingSignIn, unknownClient } from './signing-in.js';
import type { SigningIn } from './signing-in.js';

/** A new session, with everything that a client may get of it. */
export interface BegunSession extends SessionCredentials {
  readonly session: Pick<Session, 'sid' | 'accountId' | 'delivery' | 'remembered' | 'deviceName'>;
  /** How many other sessions of the account were live. */
  readonly others: number;
}

/** Where a session has ended, as its row says; nulls while it has not. */
export interface SessionEnd {
  readonly sid: string;
  readonly ended_epoch: number | null;
  readonly ended_seq: string | null;
}

/** Where in the log of revocations the end of a session stands, and whether it had ended before. */
export interface EndedOne {
  readonly position: Position;
  readonly already: boolean;
}

export interface EndAllOptions {
  readonly receiptWanted?: boolean;
  readonly keepSid?: string;
}

/** The password that was proved is not the account's any more. */
export class PasswordHasChanged extends Error {
  override readonly name = 'PasswordHasChanged';
}

/** Begins and ends sessions. */
@Injectable()
export class Sessions {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly accessTokens: AccessTokens,
    private readonly newSessions: NewSessions,
    private readonly revocations: RevocationLog,
    raising: EpochRaising,
  ) {
    raising.whenHistoryIsLost(endAllSessions);
  }

  /**
   * Begins a session for an account that has proved who it is, and issues its first access token. Every id and secret of it is
   * fresh, whatever the client held before.
   *
   * @param provedHash the hash that the given password was found to match, outside any lock
   * @throws {DomainError} `unknown_client`, `credentials_rejected` when the account may not sign in any more
   * @throws {PasswordHasChanged} when the account has another hash by now
   */
  async begin(
    accountId: string,
    context: SignInContext,
    provedHash?: string | null,
  ): Promise<BegunSession> {
    const { clientId, delivery, deviceName, remember: remembered } = context;
    const identity = this.newSessions.identity(delivery);
    const { sid, refreshToken, opaqueCookie } = identity;
    const lifetime = sessionLifetime(this.config, remembered);
    const lasts = Math.min(lifetime.ttlSeconds, lifetime.idleSeconds);
    let signingIn: SigningIn | undefined;
    const issued = await this.accessTokens.issueUnder<never>(
      lockingSignIn(accountId, clientId, sid),
      (_, [row]) => {
        const account = row as SigningIn | undefined;
        if (!account || !maySignIn(account)) throw new DomainError('credentials_rejected');
        if (provedHash !== undefined && account.passwordHash !== provedHash)
          throw new PasswordHasChanged();
        if (!account.forSignIn) throw unknownClient();
        const { roles, now } = account;
        signingIn = account;
        return Promise.resolve({
          subject: {
            sub: accountId,
            client: { id: clientId },
            scopes: scopesOf(roles),
            roles,
            session: { sid, authTime: now, expiresAt: now + lasts },
          },
          facts: account,
          closing: this.newSessions.inserting(accountId, context, identity, now),
        });
      },
      readingSignIn(accountId, clientId),
    );
    if ('instead' in issued || !signingIn) throw new TypeError('a token was issued for nobody');
    const { email, others } = signingIn;
    return {
      session: { sid, accountId, delivery, remembered, deviceName },
      others,
      ...(provedHash !== undefined && { proved: { email, era: passwordEraOf(signingIn) } }),
      refreshToken,
      opaqueCookie,
      accessToken: issued.encoded,
      expiresIn: issued.claims.exp - issued.claims.iat,
      endsIn: lifetime.ttlSeconds,
      idleEndsIn: lasts,
    };
  }

  /**
   * Ends a session and revokes its `sid`, in one transaction. Ending it again changes nothing and answers the same.
   *
   * @returns where in the log of revocations it stands
   * @throws {DomainError} `session_ended` when there is no such session
   */
  async end(
    sid: string,
    reason: EndReason,
    options: { readonly receiptWanted?: boolean } = {},
  ): Promise<Position> {
    const ended = await this.database.transaction((tx) => this.endIn(tx, sid, reason, options));
    if (!ended) throw new DomainError('session_ended');
    return ended.position;
  }

  /**
   * The same in a transaction of the caller's, which holds no lock that comes after the session's.
   *
   * @returns `undefined` when there is no such session
   * @throws {DomainError} `session_ended` when it is deleted in this moment
   */
  async endIn(
    tx: EntityManager,
    sid: string,
    reason: EndReason,
    { receiptWanted = false }: { readonly receiptWanted?: boolean } = {},
  ): Promise<EndedOne | undefined> {
    await takeLocks(tx, [{ resource: 'session', id: sid, mode: 'exclusive' }]);
    const [session] = await prepared<SessionEnd>(tx, {
      name: 'session_end',
      text: `SELECT sid, ended_epoch, ended_seq FROM sessions WHERE sid = $1`,
      values: [sid],
    });
    return session && this.endLockedIn(tx, session, reason, { receiptWanted });
  }

  /** The same for a session that was read since its lock was taken alone. */
  async endLockedIn(
    tx: EntityManager,
    { sid, ended_epoch: endedEpoch, ended_seq: endedSeq }: SessionEnd,
    reason: EndReason,
    { receiptWanted = false }: { readonly receiptWanted?: boolean } = {},
  ): Promise<EndedOne> {
    if (endedEpoch !== null) {
      return { position: { epoch: endedEpoch, seq: Number(endedSeq) }, already: true };
    }
    const { epoch, seq } = await this.revocations.append(tx, {
      kind: 'sid',
      id: sid,
      receiptWanted,
    });
    const changed = await prepared(tx, {
      name: 'end_session',
      text: `UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2, ended_epoch = $3, ended_seq = $4
        WHERE sid = $1 AND ended_at IS NULL RETURNING sid`,
      values: [sid, reason, epoch, seq],
    });
    // Deleted with its account while the head was waited for: nothing more may be written about its owner.
    if (changed.length === 0 && !(await tx.existsBy(Session, { sid }))) {
      throw new DomainError('session_ended');
    }
    return { position: { epoch, seq }, already: false };
  }

  /**
   * Ends every session of an account by an entry for each, which no clock can make miss a token, and then cuts the account off, in
   * a transaction of the caller's that holds the account's lock alone: so no token is issued meanwhile. A logout in the same
   * moment writes its own revocation too, and nothing else.
   *
   * @param options with `keepSid` that session goes on, but every access token that it has had until now is dead
   * @returns where the last entry stands; `receiptWanted` says that somebody waits for it
   */
  async endAllIn(
    tx: EntityManager,
    accountId: string,
    reason: EndReason,
    { receiptWanted = false, keepSid }: EndAllOptions = {},
  ): Promise<{ readonly position: Position; readonly sessions: number }> {
    const covered = { accountId, except: keepSid };
    const { sessions } = await endEachIn(tx, this.revocations, covered, reason, {});
    const { epoch, seq } = await this.revocations.append(tx, {
      kind: 'sub',
      id: accountId,
      // Nothing ahead, so that a sign-in, or the session that goes on, gets a token at once; the others die by their entries.
      cutoff: 'now',
      receiptWanted,
    });
    return { position: { epoch, seq }, sessions };
  }

  /**
   * Ends every session of an account but one, by an entry for each: the one that is kept, and its tokens, go on. Takes the
   * account's lock alone; the caller's transaction holds no lock that comes after it.
   *
   * @param keepSid `null` to keep none
   */
  async endOthersIn(
    tx: EntityManager,
    accountId: string,
    keepSid: string | null,
    reason: EndReason,
    options: { readonly receiptWanted?: boolean } = {},
  ): Promise<EndedEach> {
    await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
    const covered = { accountId, except: keepSid ?? undefined };
    return endEachIn(tx, this.revocations, covered, reason, options);
  }
}
