import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import type { PersonalDetails } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { lockingStatement, takeLocks } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import type { SignedIn } from './delivery/signed-in.js';
import type { EndReason } from './end-sessions.js';
import { Sessions } from './sessions.js';
import type { SessionEnd } from './sessions.js';
import { isSessionId } from './standing.js';

/** How an owner ends sessions. */
export interface HowOwnerEnds {
  readonly receiptWanted: boolean;
  readonly from: PersonalDetails;
}

/** Which of their sessions somebody ends. */
type Owned = Pick<SignedIn, 'accountId' | 'sid'>;

/** What people do about their own sessions, each with its row in the audit log. All answer where in the log of revocations it stands. */
@Injectable()
export class OwnSessions {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly revocations: RevocationLog,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Ends one session. Ending it again changes nothing and answers the same.
   *
   * @throws {DomainError} `unknown_session` when the account has no such session
   */
  end({ accountId, sid }: Owned, reason: EndReason, how: HowOwnerEnds): Promise<Position> {
    if (!isSessionId(sid)) throw new DomainError('unknown_session');
    return this.database.brief(
      lockingStatement([{ resource: 'session', id: sid, mode: 'exclusive' }]),
      async (tx, [session]) => {
        if (!session) throw new DomainError('unknown_session');
        const { receiptWanted } = how;
        const { position, already } = await this.sessions.endLockedIn(
          tx,
          session as SessionEnd,
          reason,
          { receiptWanted },
        );
        if (!already) await this.#record(tx, accountId, sid, how, { of: 'session', reason });
        return { result: position };
      },
      {
        name: 'own_session_end',
        text: `SELECT sid, ended_epoch, ended_seq FROM sessions WHERE sid = $1 AND account_id = $2`,
        values: [sid, accountId],
      },
    );
  }

  /** Ends every other session. When there is none, nothing is written, and the head of the log is the answer. */
  async endOthers({ accountId, sid }: Owned, how: HowOwnerEnds): Promise<Position> {
    const { receiptWanted } = how;
    const position = await this.database.transaction(async (tx) => {
      const options = { receiptWanted };
      const ended = await this.sessions.endOthersIn(tx, accountId, sid, 'ended_by_owner', options);
      if (ended.sessions === 0) return undefined;
      await this.#record(tx, accountId, accountId, how, { of: 'others', sessions: ended.sessions });
      return ended.position;
    });
    if (position) return position;
    const { epoch, seq } = await this.revocations.head();
    return { epoch, seq };
  }

  /** Ends every session, the one in which it is asked for among them. */
  endAll({ accountId }: Pick<Owned, 'accountId'>, how: HowOwnerEnds): Promise<Position> {
    const { receiptWanted } = how;
    return this.database.transaction(async (tx) => {
      await takeLocks(tx, [{ resource: 'account', id: accountId, mode: 'exclusive' }]);
      const { sessions, position } = await this.sessions.endAllIn(tx, accountId, 'ended_by_owner', {
        receiptWanted,
      });
      await this.#record(tx, accountId, accountId, how, { of: 'all', sessions });
      return position;
    });
  }

  #record(
    tx: EntityManager,
    accountId: string,
    target: string,
    { from }: HowOwnerEnds,
    details: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.audit.record(tx, {
      actor: accountActor(accountId),
      action: 'session.end',
      target,
      accountId,
      personal: from,
      details,
    });
  }
}
