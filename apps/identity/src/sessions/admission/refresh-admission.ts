import { Inject, Injectable } from '@nestjs/common';
import { Counter } from '@countersign/service-host';
import type { Registry } from '@countersign/service-host';
import { IdentityConfig } from '../../config/identity-config.js';
import { DomainError } from '../../platform/domain-error.js';
import { Ids } from '../../platform/ids.js';
import { METRICS } from '../../platform/platform.module.js';
import { chanceFrom, Pace } from './pace.js';
import { RefreshRush } from './refresh-rush.js';

const seconds = () => performance.now() / 1000;
/** A client may add a quarter by chance to the wait that it is told, and needs a while to come. */
const LATER_BY_CHANCE = 1.5;

/**
 * Lets refreshes in at a steady pace. When a key is revoked, everybody's access token dies at once, and everybody comes for a new
 * one: those who must wait are told when to come again, before anything is asked of the database about them. Their sessions are not
 * touched, and {@link RefreshRush} sees to it that the wait does not cost them anything either.
 *
 * Each replica has a pace of its own, and looks at nobody in particular: who asks too often is for the limits per address. What turns
 * out to be no refresh token does not count, so that junk keeps nobody waiting.
 */
@Injectable()
export class RefreshAdmission {
  readonly #pace: Pace;
  readonly #most: number;
  readonly #turnedAway: Counter;
  readonly #grace: number;
  #underWay = 0;

  constructor(
    config: IdentityConfig,
    ids: Ids,
    private readonly rush: RefreshRush,
    @Inject(METRICS) metrics: Registry,
  ) {
    const perSecond = config.REFRESHES_PER_SECOND;
    this.#pace = new Pace(perSecond, seconds(), chanceFrom(ids));
    this.#most = perSecond;
    this.#grace = config.REFRESH_GRACE_SECONDS;
    this.#turnedAway = new Counter({
      name: 'countersign_refreshes_turned_away_total',
      help: 'Refreshes that were told to come again later, since too many came at once',
      registers: [metrics],
    });
  }

  /**
   * Runs a refresh when it is let in.
   *
   * @throws {DomainError} `overloaded`, with the seconds after which to come again
   */
  async admit<T>(refresh: () => Promise<T>): Promise<T> {
    // Those of a second under way at once: they take far longer than they should, and more would make it worse.
    const wait = this.#pace.ask(seconds()) || (this.#underWay >= this.#most ? 2 : 0);
    if (wait > 0) {
      this.#turnedAway.inc();
      if (wait * LATER_BY_CHANCE >= this.#grace) await this.rush.note();
      const detail = 'too many sessions are refreshed at once; this one is as it was';
      throw new DomainError('overloaded', detail, { retryAfterSeconds: wait });
    }
    this.#underWay += 1;
    try {
      return await refresh();
    } catch (error) {
      if (error instanceof DomainError && error.code === 'refresh_token_rejected')
        this.#pace.giveBack();
      throw error;
    } finally {
      this.#underWay -= 1;
    }
  }
}
