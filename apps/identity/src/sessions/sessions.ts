import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import { Batches } from '../platform/batches.js';
import { Database, prepared } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { takeLocks } from '../platform/locks.js';
import { EpochRaising } from '../revocation/epoch-raising.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endAllSessions, endEachIn } from './end-sessions.js';
import type { EndedEach, EndReason } from './end-sessions.js';
import { NewSessions } from './new-sessions.js';
import type { AskedSession, BegunSession, NewSession, SignInContext } from './new-sessions.js';
import { Session } from './session.js';
import { lockingSignIn, readingSignIns, tryingSignIns } from './signing-in.js';
import type { LockedSignIn, SigningIn } from './signing-in.js';

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

/** Begins and ends sessions. */
@Injectable()
export class Sessions {
  readonly #batches = new Batches<AskedSession, BegunSession | undefined>(
    (asked) => this.#begin(asked),
    // As with refreshes.
    { atOnce: 2, most: 8, patienceMs: 25 },
  );

  constructor(
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
   * fresh, whatever the client held before. Sign-ins that come at once share a transaction, as far as nothing is wrong with them and
   * nobody else holds the account.
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
    const asked = { accountId, context, provedHash };
    return (await this.#batches.ask(asked)) ?? this.#beginAlone(asked);
  }

  async #begin(asked: readonly AskedSession[]): Promise<readonly (BegunSession | undefined)[]> {
    const [first, ...others] = asked;
    if (first && others.length === 0) return [await this.#beginAlone(first)];
    return this.#beginTogether(asked);
  }

  async #beginAlone(asked: AskedSession): Promise<BegunSession> {
    const session = this.newSessions.make(asked);
    let signingIn: SigningIn | undefined;
    const issued = await this.accessTokens.issueUnder<never>(
      lockingSignIn(session),
      (_, [row]) => {
        const admitted = this.newSessions.admit(session, row as SigningIn);
        signingIn = admitted.facts;
        return Promise.resolve(admitted);
      },
      readingSignIns([session]),
    );
    if ('instead' in issued || !signingIn) throw new TypeError('a token was issued for nobody');
    return this.newSessions.begun(session, signingIn, issued);
  }

  /** Those that simply may; nothing for the others, of which nothing is written. */
  async #beginTogether(
    asked: readonly AskedSession[],
  ): Promise<readonly (BegunSession | undefined)[]> {
    const sessions = asked.map((one) => this.newSessions.make(one));
    let admitted: readonly (ReturnType<NewSessions['admit']> | undefined)[] = [];
    const issued = await this.accessTokens.issueTogether(
      tryingSignIns(sessions),
      (rows, locked) => {
        admitted = sessions.map((session, n) =>
          (locked[n] as LockedSignIn).locked
            ? this.#admitIfPossible(session, rows[n] as SigningIn)
            : undefined,
        );
        return admitted;
      },
      readingSignIns(sessions),
    );
    return sessions.map((session, n) => {
      const [token, mint] = [issued[n], admitted[n]];
      return token && mint && this.newSessions.begun(session, mint.facts, token);
    });
  }

  /** By itself whatever is wrong with it will come out. */
  #admitIfPossible(
    session: NewSession,
    row: SigningIn,
  ): ReturnType<NewSessions['admit']> | undefined {
    try {
      return this.newSessions.admit(session, row);
    } catch {
      return undefined;
    }
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
