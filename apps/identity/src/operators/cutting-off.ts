import { Injectable } from '@nestjs/common';
import type { RevocationEvent } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { AuditLog } from '../audit/audit-log.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import type { Lock } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { actorOf } from './operator.js';
import type { Operator } from './operator.js';
import type { How } from './session-ending.js';

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

/**
 * Revokes tokens by a cut-off on an operator's behalf. Sessions go on: who is signed in gets a new token by a refresh, when
 * there is one. To sign people out, end their sessions.
 */
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

  /** @throws {DomainError} `cutoff_in_future` */
  cutOff(
    operator: Operator,
    what: CutOff,
    { reason, receiptWanted = false }: How,
  ): Promise<{ event: RevocationEvent; reach: Reach }> {
    return this.database.transaction(async (tx) => {
      await takeLocks(tx, [lockOf(what)]);
      // Counted before the append: from there on nobody should wait for anything but the commit.
      const reach = await reachOf(tx, what);
      const event = await this.revocations.append(tx, { ...what, receiptWanted });
      const { epoch, seq, cutoff } = event;
      await this.audit.record(tx, {
        actor: actorOf(operator),
        action: 'revocation.add',
        target: what.kind === 'all' ? null : what.id,
        details: { kind: what.kind, epoch, seq, cutoff, ...reach, reason },
      });
      return { event, reach };
    });
  }
}

/** What every token of that kind is issued under, taken alone: who issues one waits, or was before. */
function lockOf({ kind, id }: CutOff): Lock {
  if (kind === 'all') return { ...KEY_RING_LOCK, mode: 'exclusive' };
  return { resource: kind === 'sub' ? 'account' : 'client', id, mode: 'exclusive' };
}

async function reachOf(manager: EntityManager, { kind, id, cutoff }: CutOff): Promise<Reach> {
  const [row] = await manager.query<[Reach]>(
    `SELECT count(*)::integer AS sessions, count(DISTINCT account_id)::integer AS accounts FROM sessions
     WHERE ended_at IS NULL AND expires_at > clock_timestamp()
       AND ($1::text IS NULL OR account_id::text = $1) AND ($2::text IS NULL OR client_id = $2)
       AND ($3::bigint IS NULL OR created_at < to_timestamp($3 + 1))`,
    [kind === 'sub' ? id : null, kind === 'client' ? id : null, cutoff ?? null],
  );
  return { accounts: row.accounts, sessions: row.sessions };
}
