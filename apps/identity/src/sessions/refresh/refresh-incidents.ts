import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { accountActor, AuditLog, STRANGER_ACTOR } from '../../audit/audit-log.js';
import type { PersonalDetails } from '../../audit/audit-log.js';
import { LOGGER } from '../../platform/platform.module.js';
import { Sessions } from '../sessions.js';
import type { Standing } from '../standing.js';
import type { ReplayKind } from './decide-refresh.js';

/** What happens when a refresh token proves that something is wrong. Each leaves a row in the audit log, and a line in the log. */
@Injectable()
export class RefreshIncidents {
  constructor(
    private readonly sessions: Sessions,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Ends the session, and no other, in the transaction in which the replay was seen. */
  async endReplayed(
    tx: EntityManager,
    { sid, accountId, generation }: Standing,
    replay: ReplayKind,
    from: PersonalDetails,
  ): Promise<void> {
    await this.sessions.endIn(tx, sid, 'replay');
    await this.audit.record(tx, {
      // Whoever it was, it is not known that it was the owner.
      actor: STRANGER_ACTOR,
      action: 'session.replay',
      target: sid,
      accountId,
      personal: from,
      details: { replay, generation },
    });
    this.logger.warn({ sid, replay }, 'a spent refresh token came back: its session has ended');
  }

  /** The row is older than a token that was handed out: for an operator to look into. Nothing is ended. */
  async storeBehind(
    tx: EntityManager,
    { sid, accountId, generation }: Standing,
    tokenGeneration: number,
    from: PersonalDetails,
  ): Promise<void> {
    await this.audit.record(tx, {
      actor: accountActor(accountId),
      action: 'session.store_behind',
      target: sid,
      accountId,
      personal: from,
      details: { generation, token_generation: tokenGeneration },
    });
    this.logger.error(
      { sid, generation, tokenGeneration },
      'a refresh token is ahead of its session: the database has lost writes or was restored from an old copy',
    );
  }
}
