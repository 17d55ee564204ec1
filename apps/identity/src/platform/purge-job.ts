import { OutageLog } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import type { Database } from './database.js';
import { purgeInBatches } from './purge-in-batches.js';
import { RepeatedJob } from './repeated-job.js';

const EVERY_MS = 60_000;

/** A DELETE, or an UPDATE that erases, that takes its limit as `$1`, and what else is given after it. */
export interface Deletion {
  readonly statement: string;
  readonly values?: readonly unknown[];
}

/** What a purge deletes, by the name that its numbers go by. */
export type Deletions<Name extends string> = Readonly<Record<Name, readonly Deletion[]>>;

/** Deletes what is over: every minute, in one replica at a time, in batches. */
export class PurgeJob<Name extends string> {
  readonly #job: RepeatedJob;

  /** @param lock what another replica deletes under it at the moment is left to it */
  constructor(
    private readonly database: Database,
    private readonly lock: string,
    readonly deletions: Deletions<Name>,
    logger: Logger,
  ) {
    this.#job = new RepeatedJob(
      async () => {
        const deleted: object = await this.run();
        logger.debug(deleted, 'purged');
      },
      new OutageLog(logger, { fails: 'the purge failed', worksAgain: 'the purge works again' }),
    );
  }

  start(everyMs = EVERY_MS): void {
    this.#job.start(everyMs);
  }

  /** Waits for a turn under way. */
  stop(): Promise<void> {
    return this.#job.stop();
  }

  /** One run. @returns how many rows of each it has deleted */
  async run(): Promise<Readonly<Record<Name, number>>> {
    const deleted: [string, number][] = [];
    for (const [name, statements] of Object.entries<readonly Deletion[]>(this.deletions)) {
      let rows = 0;
      for (const { statement, values } of statements)
        rows += await purgeInBatches(this.database, this.lock, statement, values);
      deleted.push([name, rows]);
    }
    return Object.fromEntries(deleted) as Record<Name, number>;
  }
}
