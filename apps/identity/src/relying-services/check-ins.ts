import { Inject, Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { Counter, Histogram } from '@countersign/service-host';
import type { Logger, Registry } from '@countersign/service-host';
import type { CheckInAnswer, CheckInReport } from '@countersign/token-verifier';
import { Database } from '../platform/database.js';
import { LOGGER, METRICS } from '../platform/platform.module.js';
import { Epochs } from '../revocation/epochs.js';
import { RevocationLog } from '../revocation/revocation-log.js';

/** The channel on which replicas are told that a receipt came that somebody may wait for. */
export const RECEIPT_CHANNEL = 'countersign_receipts';

/** How long an instance that does not say is counted on after its last report, less the margin: a verifier's default limit. */
const DEFAULT_HARD_STALENESS_SECONDS = 60;

/**
 * One statement, so that a report is stored whole or not at all. What it claims to have applied is believed up to the
 * head, and never falls. Silence is measured on the clock of check-ins (see `CheckInClock`); after too much of it, or a goodbye, the instance
 * joins anew.
 */
const STORE = `
  WITH believed AS (
    SELECT $4::integer AS epoch, $5::bigint AS seq FROM revocation_head AS head
    WHERE ($4::integer, $5::bigint) <= (head.epoch, head.seq)
  ), stored AS (
    INSERT INTO relying_service_instances AS known
      (service_id, instance_id, kids, epoch, seq, proof, joined_at, last_seen_at, left_at, hard_staleness_seconds, seen_at_ms)
    SELECT $1, $2, $3, (SELECT epoch FROM believed), (SELECT seq FROM believed), $6, t, t, CASE WHEN $7 THEN t END, $8,
      (SELECT ran_ms FROM check_in_clock)
    FROM clock_timestamp() AS t
    ON CONFLICT (service_id, instance_id) DO UPDATE SET
      kids = excluded.kids, proof = excluded.proof, last_seen_at = excluded.last_seen_at, left_at = excluded.left_at,
      hard_staleness_seconds = excluded.hard_staleness_seconds, seen_at_ms = excluded.seen_at_ms,
      (epoch, seq) = (SELECT e, s FROM (VALUES (known.epoch, known.seq), (excluded.epoch, excluded.seq)) AS v (e, s)
        ORDER BY e DESC NULLS LAST, s DESC LIMIT 1),
      (joined_at, joined_epoch, joined_seq) = (
        SELECT CASE WHEN live THEN known.joined_at ELSE excluded.joined_at END,
          CASE WHEN live THEN known.joined_epoch END, CASE WHEN live THEN known.joined_seq END
        FROM (SELECT known.left_at IS NULL
          AND excluded.seen_at_ms - known.seen_at_ms <= (known.hard_staleness_seconds + 15) * 1000) AS was (live))
    RETURNING epoch, seq, joined_at = last_seen_at AS joining
  ), receipt AS (
    INSERT INTO receipts (service_id, instance_id, epoch, seq, received_at)
    SELECT $1, $2, epoch, seq, clock_timestamp() FROM stored WHERE epoch = $4 AND seq = $5
    ON CONFLICT DO NOTHING
    RETURNING epoch, seq
  )
  SELECT joining, (
    SELECT extract(epoch FROM clock_timestamp() - appended_at)::float8 FROM revocations AS newest, receipt
    WHERE (newest.epoch, newest.seq) = (receipt.epoch, receipt.seq)
  ) AS seconds, (
    SELECT pg_notify('${RECEIPT_CHANNEL}', '')::text WHERE EXISTS (
      SELECT FROM revocations AS wanted, receipt
      WHERE wanted.receipt_wanted AND wanted.appended_at > clock_timestamp() - interval '5 seconds'
        AND (wanted.epoch, wanted.seq) <= (receipt.epoch, receipt.seq))
  ) AS told
  FROM stored`;

/** Keeps what each instance of each relying service reports about itself. */
@Injectable()
export class CheckIns {
  readonly #notBelieved: Counter;
  readonly #receiptSeconds: Histogram;

  constructor(
    private readonly database: Database,
    private readonly log: RevocationLog,
    private readonly epochs: Epochs,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) metrics: Registry,
  ) {
    this.#notBelieved = new Counter({
      name: 'countersign_reports_not_believed_total',
      help: 'Check-ins that claimed revocations which were never written here',
      registers: [metrics],
    });
    this.#receiptSeconds = new Histogram({
      name: 'countersign_receipt_seconds',
      help: 'Time from the commit of a revocation to the receipt of an instance that has applied it and all before it',
      labelNames: ['service'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30],
      registers: [metrics],
    });
  }

  /**
   * Stores a report, and only then reads the head that it answers with: from here on the instance is counted on, so it
   * must not miss what is committed after. A position ahead of the head is never taken for a receipt;
   * with its proof it shows that history was lost (see `Epochs`).
   *
   * @param serviceId the reporter, by its credentials; a report says nothing about anybody else
   */
  async checkIn(serviceId: string, report: CheckInReport): Promise<CheckInAnswer> {
    const { applied } = report;
    const [stored] = await this.database.run((manager) =>
      manager.query<[{ joining: boolean; seconds: number | null }]>(STORE, [
        serviceId,
        report.instanceId,
        report.kids,
        applied?.epoch ?? null,
        applied?.seq ?? null,
        report.proof ?? null,
        report.goodbye ?? false,
        report.hardStalenessSeconds ?? DEFAULT_HARD_STALENESS_SECONDS,
      ]),
    );
    if (stored.seconds !== null && !stored.joining) {
      this.#receiptSeconds.observe({ service: serviceId }, stored.seconds);
    }
    const head = await this.#headAfter(serviceId, report);
    if (stored.joining) await this.#noteJoined(serviceId, report.instanceId, head);
    return { head };
  }

  /** The head by now; a new epoch's, when the report proves that history was lost. */
  async #headAfter(serviceId: string, report: CheckInReport): Promise<Position> {
    const { epoch, seq } = await this.log.head();
    if (await this.epochs.believes(report, { epoch, seq })) return { epoch, seq };
    this.#notBelieved.inc();
    this.logger.error(
      { serviceId, instanceId: report.instanceId, applied: report.applied, head: { epoch, seq } },
      'an instance reports revocations that were never written here',
    );
    const raised = await this.log.head();
    return { epoch: raised.epoch, seq: raised.seq };
  }

  /** The head it joins at: the instance answers nobody before it has applied that. */
  async #noteJoined(serviceId: string, instanceId: string, head: Position): Promise<void> {
    await this.database.run((manager) =>
      manager.query(
        `UPDATE relying_service_instances SET joined_epoch = $3, joined_seq = $4
         WHERE service_id = $1 AND instance_id = $2 AND joined_epoch IS NULL`,
        [serviceId, instanceId, head.epoch, head.seq],
      ),
    );
  }
}
