import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { EntityManager } from 'typeorm';
import { Database } from '../platform/database.js';
import { EpochRaising } from './epoch-raising.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { claimsLostHistory } from './known-history.js';
import type { KnownHistory } from './known-history.js';
import { compareLineage, primaryLineage } from './lineage.js';
import type { Lineage } from './lineage.js';
import { readHead } from './revocation-head.js';

/**
 * Raises the epoch when history was lost or rewritten: revocations may be missing then, so that by default every session ends
 * and everything before now is revoked.
 */
@Injectable()
export class Epochs {
  constructor(
    private readonly database: Database,
    private readonly raising: EpochRaising,
    private readonly proof: HeartbeatProof,
  ) {}

  /**
   * Compares the database with the one that the log was written in, and raises the epoch when it is another: a promoted
   * standby keeps its sessions (what it lost, reports of verifiers will show), a restored copy does not.
   *
   * @throws {DomainError} `database_unavailable` when the server is a standby: nothing may be said from it
   */
  async follow(): Promise<void> {
    const { known, now } = await this.database.run(async (manager) => ({
      known: (await readHead(manager)).lineage,
      now: await primaryLineage(manager),
    }));
    const change = compareLineage(known, now);
    if (change === 'first') await this.#noteLineage(now);
    if (change === 'new_timeline' || change === 'new_system') {
      await this.raising.raise(change, {
        keepSessions: change === 'new_timeline',
        unless: ({ lineage }) => Promise.resolve(compareLineage(lineage, now) === 'same'),
      });
    }
  }

  /**
   * Whether a report can be believed. A position that this history never reached means that history was lost, if the report
   * carries the proof of a heartbeat that was never sent in it; then the epoch is raised. Without such proof it is an alarm only.
   *
   * @param head read from the primary after the report came
   */
  async believes(
    {
      applied,
      proof,
    }: { readonly applied?: Position | undefined; readonly proof?: string | undefined },
    head: Position,
  ): Promise<boolean> {
    const proven = proof === undefined ? undefined : this.proof.read(proof);
    const inDoubt = [proven, applied].filter(
      (position) => position && (position.epoch !== head.epoch || position.seq > head.seq),
    );
    let ahead = false;
    for (const position of inDoubt) {
      if (!position) continue;
      if (!(await this.database.run((manager) => this.#isLost(manager, position)))) continue;
      ahead = true;
      if (position === proven) {
        await this.raising.raise('report_ahead', {
          keepSessions: false,
          above: proven.epoch,
          unless: async (_head, tx) => !(await this.#isLost(tx, proven)),
        });
        return false;
      }
    }
    return !ahead;
  }

  async #isLost(manager: EntityManager, position: Position): Promise<boolean> {
    return claimsLostHistory(position, await readKnownHistory(manager, position.epoch));
  }

  async #noteLineage({ systemIdentifier, timeline }: Lineage): Promise<void> {
    await this.database.run((manager) =>
      manager.query(
        `UPDATE revocation_head SET system_identifier = $1, timeline = $2 WHERE system_identifier IS NULL`,
        [systemIdentifier, timeline],
      ),
    );
  }
}

async function readKnownHistory(manager: EntityManager, epoch: number): Promise<KnownHistory> {
  const [row] = await manager.query<
    [{ epoch: number; seq: string; ended_below: number; last_seq: string | null }]
  >(
    `SELECT head.epoch, head.seq, head.ended_below, closed.last_seq
     FROM revocation_head AS head LEFT JOIN revocation_epochs AS closed ON closed.epoch = $1`,
    [epoch],
  );
  return {
    head: { epoch: row.epoch, seq: Number(row.seq) },
    endedBelow: row.ended_below,
    closedAt: row.last_seq === null ? undefined : Number(row.last_seq),
  };
}
