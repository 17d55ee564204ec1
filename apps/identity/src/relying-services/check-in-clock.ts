import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@countersign/service-host';
import { Database } from '../platform/database.js';
import { LOGGER } from '../platform/platform.module.js';

const TICK_MS = 1_000;
/** A longer time between two ticks was an outage, seconds. */
const LONGEST_GAP_SECONDS = 5;

/** How long instances have to report after a time in which they could not, milliseconds. */
const REJOIN_MS = 75_000;

/**
 * The same after history was lost: those that joined in the lost part are not known here, and nobody is told before that all
 * have given their receipts. So it takes as long as any known instance may go on unheard, with the 15 s that every one has.
 */
const REJOIN_AFTER_LOSS_MS = `greatest($2::bigint, (SELECT ceil((max(hard_staleness_seconds) + 15) * 1000)::bigint FROM relying_service_instances))`;

/**
 * The clock on which the silence of instances is measured: it runs only while some replica of identity can take check-ins,
 * and stands still while none can. So after an outage nobody is taken for gone before it had its chance to report.
 *
 * Every replica that listens ticks; the time is the database's.
 */
@Injectable()
export class CheckInClock {
  #ticking: NodeJS.Timeout | undefined;
  #pending = false;

  constructor(
    private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Call it once check-ins can be taken. */
  start(): void {
    this.#ticking = setInterval(() => this.#tickUnlessPending(), TICK_MS);
  }

  /** Call it before check-ins are taken no more. */
  stop(): void {
    clearInterval(this.#ticking);
  }

  /** After an outage nobody is told for a while that all hold a key: in an outage a service may have been started anew. */
  async tick(): Promise<void> {
    await this.database.run((manager) =>
      manager.query(
        `UPDATE check_in_clock AS clock SET ticked_at = clock_timestamp(), epoch = head.epoch,
           highest_at = greatest(highest_at, clock_timestamp()),
           steady_from_ms = CASE WHEN clock_timestamp() - ticked_at BETWEEN interval '0' AND make_interval(secs => $1)
             THEN steady_from_ms ELSE ran_ms + $2::bigint END,
           complete_from_ms = CASE WHEN clock.epoch = head.epoch THEN complete_from_ms ELSE ran_ms + ${REJOIN_AFTER_LOSS_MS} END,
           ran_ms = ran_ms + CASE WHEN clock_timestamp() - ticked_at BETWEEN interval '0' AND make_interval(secs => $1)
             THEN floor(extract(epoch FROM clock_timestamp() - ticked_at) * 1000)::bigint ELSE 0 END
         FROM revocation_head AS head
         WHERE clock_timestamp() NOT BETWEEN ticked_at AND ticked_at + interval '0.5 seconds'`,
        [LONGEST_GAP_SECONDS, REJOIN_MS],
      ),
    );
  }

  #tickUnlessPending(): void {
    if (this.#pending) return;
    this.#pending = true;
    this.tick()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'the check-in clock stands'))
      .finally(() => (this.#pending = false));
  }
}
