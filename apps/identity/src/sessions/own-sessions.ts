import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import type { PersonalDetails } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import type { SignedIn } from './delivery/signed-in.js';
import type { EndReason } from './end-sessions.js';
import { Sessions } from './sessions.js';

/** How an owner ends sessions. */
export interface HowOwnerEnds {
  readonly receiptWanted: boolean;
  readonly from: PersonalDetails;
}

/** What people do about their own sessions, each with its row in the audit log. */
@Injectable()
export class OwnSessions {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Ends the session in which it is asked for. Ending it again changes nothing and answers the same.
   *
   * @returns where in the log of revocations it stands
   * @throws {DomainError} `session_ended` when there is no such session
   */
  logOut({ accountId, sid }: SignedIn, how: HowOwnerEnds): Promise<Position> {
    return this.database.transaction(async (tx) => {
      const position = await this.#endOne(tx, accountId, sid, 'logout', how);
      if (!position) throw new DomainError('session_ended');
      return position;
    });
  }

  async #endOne(
    tx: EntityManager,
    accountId: string,
    sid: string,
    reason: EndReason,
    { receiptWanted, from }: HowOwnerEnds,
  ): Promise<Position | undefined> {
    const ended = await this.sessions.endIn(tx, sid, reason, { receiptWanted });
    if (ended && !ended.already) {
      await this.audit.record(tx, {
        actor: accountActor(accountId),
        action: 'session.end',
        target: sid,
        accountId,
        personal: from,
        details: { of: 'session', reason },
      });
    }
    return ended?.position;
  }
}
