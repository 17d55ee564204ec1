import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { OutageLog } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import type { EntityManager } from 'typeorm';
import { IdentityConfig } from '../../config/identity-config.js';
import { Database } from '../../platform/database.js';
import { LOGGER } from '../../platform/platform.module.js';

/** A replica says so often that it turns refreshes away, at most, and again so soon when that failed. Seconds. */
const SAID_EVERY = 10;
const SAID_AGAIN_AFTER = 1;
/** The longest wait that anybody is told, and the quarter that a client may add by chance. Seconds. */
const LONGEST_ABSENCE = 80;
/** Whoever keeps us busy on purpose must not put off for ever that a stolen token is found out. Seconds. */
const LONGEST_RUSH = 3_600;

/** Who is turned away is answered by then, whatever the database does. */
const LONGEST_SAYING_MS = 200;

const seconds = () => performance.now() / 1000;

/**
 * Since when refreshes have been turned away. Whoever lost an answer, or showed a token in two tabs, may be told to wait for longer than
 * the grace: that must not make them thieves. All replicas share it, by one row in the database, since who was told to wait
 * by one may come back to another.
 */
@Injectable()
export class RefreshRush {
  readonly #outages: OutageLog;
  #saidAt = -Infinity;
  #saying: Promise<void> | undefined;

  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#outages = new OutageLog(logger, {
      fails: 'other replicas do not know that refreshes are turned away',
      worksAgain: 'other replicas know again that refreshes are turned away',
    });
  }

  /** Somebody is about to be turned away. Once it resolves every replica can know, unless the database is slow; costs nothing most of the time. Never rejects. */
  async note(): Promise<void> {
    if (seconds() - this.#saidAt < SAID_EVERY || this.config.REFRESH_GRACE_SECONDS === 0) return;
    this.#saying ??= this.#say().finally(() => (this.#saying = undefined));
    await Promise.race([this.#saying, delay(LONGEST_SAYING_MS, undefined, { ref: false })]);
  }

  /** For how long refreshes have been turned away, up to an hour; 0 when nobody who was can still be waiting. Seconds. */
  async age(tx: EntityManager): Promise<number> {
    const [row] = await tx.query<[{ age: number } | undefined]>(
      `SELECT greatest(0, least(extract(epoch FROM clock_timestamp() - since), $1))::float8 AS age
       FROM refresh_rush WHERE until > clock_timestamp()`,
      [LONGEST_RUSH],
    );
    return row?.age ?? 0;
  }

  async #say(): Promise<void> {
    const lasts = this.config.REFRESH_GRACE_SECONDS + SAID_EVERY + LONGEST_ABSENCE;
    try {
      await this.database.run((manager) =>
        manager.query(
          `UPDATE refresh_rush SET since = CASE WHEN until > t THEN since ELSE t END, until = t + make_interval(secs => $1)
           FROM clock_timestamp() AS t`,
          [lasts],
        ),
      );
      this.#saidAt = seconds();
      this.#outages.worked();
    } catch (error) {
      this.#saidAt = seconds() - SAID_EVERY + SAID_AGAIN_AFTER;
      this.#outages.failed(error);
    }
  }
}
