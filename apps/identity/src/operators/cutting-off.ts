import { Injectable } from '@nestjs/common';
import type { RevocationEvent } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { AuditLog } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import type { Lock } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { countSessions, endSessionsIn, revokeEachIn } from '../sessions/end-sessions.js';
import type { SessionsCovered } from '../sessions/sessions-covered.js';
import { actorOf } from './operator.js';
import type { Operator } from './operator.js';
import type { How } from './session-ending.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whose tokens are to die. `id` is a subject or a client; `*` for everybody's. */
export interface CutOff {
  readonly kind: 'sub' | 'client' | 'all';
  readonly id: string;
  /** Tokens issued up to and including this second, NumericDate; until now when left out. */
  readonly cutoff?: number | undefined;
}

/** What a cut-off reaches: live sessions that began up to it, and the accounts that they belong to. */
export interface Reach {
  readonly accounts: number;
  readonly sessions: number;
}

/** How an operator wants it. */
export interface HowToCutOff extends How {
  /** The sessions that it reaches end too. Otherwise they go on, and get new tokens by a refresh. */
  readonly endSessions?: boolean;
}

export interface CutOffDone {
  readonly event: RevocationEvent;
  readonly reach: Reach;
  readonly endedSessions: number;
}

/** Revokes tokens by a cut-off on an operator's behalf, and ends the sessions that it reaches when asked to. */
@Injectable()
export class CuttingOff {
  constructor(
    private readonly database: Database,
    private readonly revocations: RevocationLog,
    private readonly audit: AuditLog,
  ) {}

  /**
   * What {@link cutOff} would reach now. Changes nothing.
   *
   * @throws {DomainError} `cutoff_in_future`
   */
  async preview({ kind, id, cutoff }: CutOff): Promise<{ cutoff: number; reach: Reach }> {
    return this.database.run(async (manager) => {
      const [row] = await manager.query<[{ now: string }]>(
        `SELECT floor(extract(epoch FROM clock_timestamp())) AS now`,
      );
      const now = Number(row.now);
      if (cutoff !== undefined && cutoff > now) throw new DomainError('cutoff_in_future');
      const effective = cutoff ?? now;
      return {
        cutoff: effective,
        reach: await reachOf(manager, { kind, id, cutoff: effective }),
      };
    });
  }

  /**
   * All in one transaction. A session that ends may have got tokens after an earlier cut-off, so its `sid` is revoked as well then.
   *
   * @throws {DomainError} `cutoff_in_future`
   */
  cutOff(
    operator: Operator,
    what: CutOff,
    { reason, receiptWanted = false, endSessions = false }: HowToCutOff,
  ): Promise<CutOffDone> {
    return this.database.transaction(async (tx) => {
      await takeLocks(tx, [lockOf(what)]);
      // Counted before the append: from there on nobody should wait for anything but the commit.
      const reach = await reachOf(tx, what);
      if (endSessions && what.cutoff !== undefined) {
        await revokeEachIn(tx, this.revocations, coveredBy(what));
      }
      const event = await this.revocations.append(tx, { ...what, receiptWanted });
      const { epoch, seq, cutoff } = event;
      const endedSessions = endSessions
        ? await endSessionsIn(tx, coveredBy({ ...what, cutoff }), 'operator', event)
        : 0;
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'revocation.add',
        target: what.kind === 'all' ? null : what.id,
        accountId: await accountOf(tx, what),
        details: {
          kind: what.kind,
          epoch,
          seq,
          cutoff,
          ...reach,
          ended_sessions: endedSessions,
          reason,
        },
      });
      return { event, reach, endedSessions };
    });
  }
}

/** The account whose owner it concerns: of the subjects, the people. */
async function accountOf(tx: EntityManager, { kind, id }: CutOff): Promise<string | null> {
  if (kind !== 'sub' || !UUID.test(id)) return null;
  const [row] = await tx.query<{ id: string }[]>(`SELECT id FROM accounts WHERE id = $1`, [id]);
  return row?.id ?? null;
}

/** What every token of that kind is issued under, taken alone: who issues one waits, or was before. */
function lockOf({ kind, id }: CutOff): Lock {
  if (kind === 'all') return { ...KEY_RING_LOCK, mode: 'exclusive' };
  return { resource: kind === 'sub' ? 'account' : 'client', id, mode: 'exclusive' };
}

function reachOf(manager: EntityManager, what: CutOff): Promise<Reach> {
  return countSessions(manager, coveredBy(what));
}

function coveredBy({ kind, id, cutoff }: CutOff): SessionsCovered {
  return {
    accountId: kind === 'sub' ? id : undefined,
    clientId: kind === 'client' ? id : undefined,
    begunUpTo: cutoff,
  };
}
