import { Inject, Injectable } from '@nestjs/common';
import { connect, createRedis, giveUp } from '@countersign/revocation-redis';
import { Gauge, redisConnection } from '@countersign/service-host';
import type { Logger, Registry } from '@countersign/service-host';
import { systemClock } from '@countersign/token-verifier';
import { IdentityConfig } from '../config/identity-config.js';
import { LOGGER, METRICS } from '../platform/platform.module.js';
import type { Counter } from './attempt-plan.js';
import { delayAfter, memorySeconds } from './growing-delay.js';
import type { DelayPolicy } from './growing-delay.js';
import { countInMemory, countInRedis, isRefusal } from './limiters.js';
import type { Limiter } from './limiters.js';

const COMMAND_TIMEOUT_MS = 500;
/** After a failure nobody asks Redis for so long. */
const REST_MS = 1_000;

/** Either an attempt has to wait, and has not been counted; or it has been, and can be given back. */
export type Taken = { readonly waitMs: number } | { readonly giveBack: () => Promise<void> };

/** The same counters twice. */
interface Pair {
  readonly own: Limiter;
  readonly shared: Limiter | undefined;
}

/**
 * Counts attempts: in Redis when there is one, so that all replicas count together, otherwise each replica by itself. While Redis
 * does not answer each counts in its own memory, from nothing: neither is everything let through then, nor nothing.
 */
@Injectable()
export class AttemptCounters {
  readonly #redis: ReturnType<typeof createRedis> | undefined;
  readonly #pairs = new Map<string, Pair>();
  #restUntilMs = -Infinity;
  #isAway = false;

  constructor(
    config: IdentityConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) metrics: Registry,
  ) {
    const settings = redisConnection(config);
    this.#redis =
      settings &&
      createRedis({ ...settings, commandTimeoutMs: COMMAND_TIMEOUT_MS, reconnect: true });
    const isShared = () => this.#redis?.status === 'ready' && !this.#isAway;
    new Gauge({
      name: 'countersign_attempts_counted_together',
      help: '1 when attempts are counted in Redis, 0 when this replica counts by itself',
      registers: [metrics],
      collect() {
        this.set(isShared() ? 1 : 0);
      },
    });
  }

  /** Begins to connect to Redis. Until it is there, attempts are counted in memory. */
  start(): void {
    if (this.#redis) void connect(this.#redis).catch(() => undefined);
  }

  stop(): void {
    if (this.#redis) giveUp(this.#redis);
  }

  /** Counts an attempt, if its bound lets it pass. */
  take({ name, key, bound, local }: Counter): Promise<Taken> {
    if (bound.type === 'delays') return this.#passDelays(name, key, bound.policy);
    return this.#passRate(this.#pair(name, bound.rate, local), key);
  }

  async #passRate(pair: Pair, key: string): Promise<Taken> {
    const giveBack = () => this.#do(pair, (to) => to.reward(key));
    try {
      await this.#ask(pair, (to) => to.consume(key));
      return { giveBack };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await giveBack();
      return { waitMs: Math.max(error.msBeforeNext, 1) };
    }
  }

  /**
   * The first failures pass. Then there is a gate: who comes first closes it, for longer each time, and who comes while it is closed
   * is refused. Only who has passed makes it stay closed for longer, not who was refused, and however many come at once.
   */
  async #passDelays(name: string, key: string, policy: DelayPolicy): Promise<Taken> {
    const seconds = memorySeconds(policy);
    const failures = this.#pair(`${name}:failures`, { points: policy.freeFailures - 1, seconds });
    try {
      await this.#ask(failures, (to) => to.consume(key));
      return { giveBack: () => this.#do(failures, (to) => to.reward(key)) };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.#do(failures, (to) => to.reward(key));
    }
    const gate = this.#pair(`${name}:gate`, { points: 1, seconds: delayAfter(1, policy) });
    try {
      await this.#ask(gate, (to) => to.consume(key));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { waitMs: Math.max(error.msBeforeNext, 1) };
    }
    const overdone = this.#pair(`${name}:overdone`, { points: Number.MAX_SAFE_INTEGER, seconds });
    const { consumedPoints } = await this.#ask(overdone, (to) => to.penalty(key));
    await this.#do(gate, (to) => to.set(key, 1, delayAfter(consumedPoints, policy)));
    return {
      giveBack: async () => {
        await this.#do(overdone, (to) => to.reward(key));
        await this.#do(gate, (to) => to.delete(key));
      },
    };
  }

  #pair(
    name: string,
    rate: { readonly points: number; readonly seconds: number },
    local = false,
  ): Pair {
    let pair = this.#pairs.get(name);
    if (!pair) {
      const shared = this.#redis && !local ? countInRedis(this.#redis, name, rate) : undefined;
      pair = { own: countInMemory(name, rate), shared };
      this.#pairs.set(name, pair);
    }
    return pair;
  }

  async #ask<T>({ own, shared }: Pair, count: (limiter: Limiter) => Promise<T>): Promise<T> {
    if (!shared || systemClock.monotonicMs() < this.#restUntilMs) return count(own);
    try {
      const counted = await count(shared);
      this.#noteBack();
      return counted;
    } catch (error) {
      if (isRefusal(error)) throw error;
      this.#noteAway(error as Error);
      return count(own);
    }
  }

  async #do(pair: Pair, change: (limiter: Limiter) => Promise<unknown>): Promise<void> {
    await this.#ask(pair, change);
  }

  #noteAway({ message }: Error): void {
    this.#restUntilMs = systemClock.monotonicMs() + REST_MS;
    if (this.#isAway) return;
    this.#isAway = true;
    this.logger.warn(
      { reason: message },
      'Redis does not answer: each replica counts attempts by itself',
    );
  }

  #noteBack(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.logger.info('attempts are counted in Redis again');
  }
}
