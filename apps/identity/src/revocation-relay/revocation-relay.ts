import { Inject, Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import {
  connect,
  createRedis,
  giveUp,
  pause,
  retryDelayMs,
  StreamWriter,
  WriteRefused,
} from '@countersign/revocation-redis';
import type { StreamState } from '@countersign/revocation-redis';
import { redisConnection } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import { systemClock } from '@countersign/token-verifier';
import { IdentityConfig } from '../config/identity-config.js';
import { DomainError } from '../platform/domain-error.js';
import { ListeningConnection } from '../platform/listening-connection.js';
import { LOGGER } from '../platform/platform.module.js';
import { REVOCATION_CHANNEL } from '../revocation/revocation-log.js';
import { Leadership } from './leadership.js';
import { RelayLease, Superseded } from './relay-lease.js';
import { RelayedLog } from './relayed-log.js';

const BEAT_MS = 1_000;
const COMMAND_TIMEOUT_MS = 2_000;
const MAX_DELAY_MS = 2_000;

/** How the relay of this replica does. */
export interface RelayState {
  readonly configured: boolean;
  readonly leads: boolean;
  /** Of the last term this replica led. */
  readonly term: number | undefined;
  readonly generation: number | undefined;
  readonly written: Position | undefined;
  /** Entries committed and not in Redis yet; only a leader knows. */
  readonly lag: number | undefined;
  /** Since this leader last wrote a heartbeat. */
  readonly heartbeatAgeSeconds: number | undefined;
  readonly lastError: string | undefined;
}

/**
 * Brings revocations to Redis. Every replica stands by, one leads. What it writes is fenced in Redis by its term, so that a leader
 * that was held up cannot write over its successor. Without `REDIS_URL` it does nothing.
 */
@Injectable()
export class RevocationRelay {
  readonly #redis: ReturnType<typeof redisConnection>;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #leadership: Leadership | undefined;
  #leads = false;
  #known: { readonly term: number; readonly written: StreamState } | undefined;
  #lastError: string | undefined;

  constructor(
    private readonly config: IdentityConfig,
    private readonly log: RelayedLog,
    private readonly lease: RelayLease,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#redis = redisConnection(config);
  }

  start(): void {
    if (this.#redis) this.#running = this.#run();
  }

  /** Ends the work, and lets another replica take over at once. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
  }

  state(): RelayState {
    const leadership = this.#leadership;
    const beatenAtMs = leadership?.beatenAtMs;
    return {
      configured: this.#redis !== undefined,
      leads: this.#leads,
      term: leadership?.term,
      generation: leadership?.written.generation,
      written: leadership?.written.position,
      lag: this.#leads ? leadership?.lag : undefined,
      heartbeatAgeSeconds:
        this.#leads && beatenAtMs !== undefined
          ? (systemClock.monotonicMs() - beatenAtMs) / 1000
          : undefined,
      lastError: this.#lastError,
    };
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#serve(() => (failures = 0));
      } catch (error) {
        this.#noteError(error as Error);
      }
      failures += 1;
      await pause(retryDelayMs(failures, MAX_DELAY_MS), this.#stop.signal);
    }
  }

  /** One connection to Redis: stands by until nobody else leads, then leads. Ends by an error, or at the stop. */
  async #serve(onLead: () => void): Promise<void> {
    if (!this.#redis) return;
    const redis = createRedis({ ...this.#redis, commandTimeoutMs: COMMAND_TIMEOUT_MS });
    try {
      await connect(redis);
      while (!this.#stop.signal.aborted) {
        // Who cannot reach Redis must not lead.
        await redis.ping();
        const term = await this.lease.take();
        if (term !== undefined) {
          const monotonicMs = () => systemClock.monotonicMs();
          await this.#lead(term, (own) => new StreamWriter(redis, own, monotonicMs), onLead);
        }
        await pause(BEAT_MS, this.#stop.signal);
      }
    } finally {
      giveUp(redis);
    }
  }

  async #lead(
    taken: number,
    writerOf: (term: number) => StreamWriter,
    onLead: () => void,
  ): Promise<void> {
    const listening = new ListeningConnection(this.config.DATABASE_URL, REVOCATION_CHANNEL, () =>
      this.#wake.abort(),
    );
    let term = taken;
    const lead = async (own: number) => {
      const known = this.#known?.term === own - 1 ? this.#known.written : undefined;
      const leadership = new Leadership(own, writerOf(own), this.log, this.lease, this.logger);
      await leadership.begin(known);
      this.#leadership = leadership;
      this.#leads = true;
      onLead();
      await this.#follow(leadership);
    };
    try {
      await listening.start();
      for (;;) {
        try {
          await lead(term);
          return;
        } catch (error) {
          if (!(error instanceof WriteRefused && error.verdict === 'fenced')) throw error;
          // Either another replica leads, or Redis remembers terms of a database that was restored since.
          term = await this.lease.raise(term, Number(error.detail));
        }
      }
    } finally {
      listening.close();
      if (this.#leads && this.#leadership) {
        this.#known = { term: this.#leadership.term, written: this.#leadership.written };
      }
      this.#leads = false;
      await this.lease.release(term).catch(() => undefined);
    }
  }

  /** Until the stop, or an error that only a new beginning helps against. */
  async #follow(leadership: Leadership): Promise<void> {
    let beatAtMs = 0;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      const beatIsDue = systemClock.monotonicMs() >= beatAtMs;
      if (beatIsDue) beatAtMs = systemClock.monotonicMs() + BEAT_MS;
      try {
        await leadership.turn(beatIsDue, this.#lastError);
        if (beatIsDue) this.#noteSuccess();
      } catch (error) {
        // Without the database there is nothing to say; the lease runs out by itself.
        if (!(error instanceof DomainError)) throw error;
        this.#noteError(error);
      }
      await pause(Math.max(0, beatAtMs - systemClock.monotonicMs()), this.#wake.signal);
    }
  }

  #noteSuccess(): void {
    if (this.#lastError === undefined) return;
    this.#lastError = undefined;
    this.logger.info('revocations go to Redis again');
  }

  /** The same trouble is told once. */
  #noteError(error: Error): void {
    const message = describe(error);
    if (error instanceof Superseded) {
      this.logger.info('another replica writes revocations to Redis now');
      return;
    }
    if (this.#lastError === message) return;
    this.#lastError = message;
    this.logger.error(
      { reason: message },
      'no revocations go to Redis: they go out by the feed only',
    );
  }
}

function describe(error: Error): string {
  if (error instanceof WriteRefused && error.verdict === 'behind') {
    return `Redis was written to in a later epoch (${error.detail}) than this database knows: run "countersign epoch raise" if it was restored`;
  }
  if (error instanceof DomainError) return 'the database does not answer';
  return error.message;
}
