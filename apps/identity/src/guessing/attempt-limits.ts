import { Inject, Injectable } from '@nestjs/common';
import { Counter as Tally } from '@countersign/service-host';
import type { Registry } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { DomainError } from '../platform/domain-error.js';
import { METRICS } from '../platform/platform.module.js';
import { AttemptCounters } from './attempt-counters.js';
import { countersFor, counts } from './attempt-plan.js';
import type { AttemptKind, Outcome, Who } from './attempt-plan.js';

/** An attempt that may go on. */
export interface AdmittedAttempt {
  /** Says how it ended. What is not to count is given back. Never rejects. */
  settle(outcome: Outcome): Promise<void>;
}

/** Bounds how often anybody may try. */
@Injectable()
export class AttemptLimits {
  readonly #refused: Tally;
  readonly #ended: Tally;

  constructor(
    private readonly config: IdentityConfig,
    private readonly counters: AttemptCounters,
    @Inject(METRICS) metrics: Registry,
  ) {
    this.#refused = new Tally({
      name: 'countersign_attempts_refused_total',
      help: 'Attempts answered 429, by what was tried and by what it was counted',
      labelNames: ['kind', 'by'],
      registers: [metrics],
    });
    this.#ended = new Tally({
      name: 'countersign_attempts_total',
      help: 'Attempts that were let through, by what was tried and how it ended',
      labelNames: ['kind', 'outcome'],
      registers: [metrics],
    });
  }

  /**
   * Counts an attempt before anything is done about it, so that no number of them at once passes together.
   *
   * @throws {DomainError} `too_many_attempts`, with the seconds to wait; then none of its counters has counted it
   */
  async begin(kind: AttemptKind, who: Who): Promise<AdmittedAttempt> {
    const taken: (() => Promise<void>)[] = [];
    const giveBack = async () => {
      await Promise.all(taken.map((one) => one()));
    };
    for (const counter of countersFor(kind, who, this.config)) {
      const result = await this.counters.take(counter);
      if ('waitMs' in result) {
        await giveBack();
        this.#refused.inc({ kind, by: counter.by });
        throw new DomainError('too_many_attempts', 'wait for the seconds that Retry-After says', {
          retryAfterSeconds: Math.ceil(result.waitMs / 1000),
        });
      }
      taken.push(result.giveBack);
    }
    return {
      settle: async (outcome) => {
        this.#ended.inc({ kind, outcome });
        if (!counts(kind, outcome)) await giveBack();
      },
    };
  }
}
