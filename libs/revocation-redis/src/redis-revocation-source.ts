import type { FeedFrame } from '@countersign/revocation';
import type { Redis } from 'ioredis';
import {
  anchorOf,
  decode,
  findAnchor,
  PAGE_SIZE,
  replayUpTo,
  StreamIncomplete,
} from './read-stream.js';
import type { Anchor } from './read-stream.js';
import { connect, createRedis, giveUp, requireAddress } from './redis-connection.js';
import type { RedisConnectionOptions } from './redis-connection.js';
import { pause, retryDelayMs } from './retry-delay.js';
import { DEFAULT_STREAM } from './stream-entry.js';
import type { RawEntry } from './stream-entry.js';
import { streamIdBefore } from './stream-id.js';

/** What a source hands its frames to: the `RevocationSink` of the token verifier. */
export interface FrameSink {
  /** @returns `replay` when the source must start again from everything */
  receive(frame: FeedFrame): 'ok' | 'replay';
  /** Counts an entry that could not be read. */
  drop(): void;
}

export interface RedisRevocationSourceOptions extends Omit<
  RedisConnectionOptions,
  'commandTimeoutMs'
> {
  readonly stream?: string;
}

/** Heartbeats come every second. After so long without any entry it is another connection's turn, perhaps to another server. */
const SILENCE_MS = 4_000;
const COMMAND_TIMEOUT_MS = 6_000;
/** On a new connection, entries of so long before the last one are read again: ids may have gone back in a failover. */
const OVERLAP_MS = 5_000;
const LASTING_MS = 10_000;
const MAX_RECONNECT_DELAY_MS = 5_000;
const MAX_REPLAY_DELAY_MS = 20_000;

/**
 * Brings revocations from a Redis stream to a verifier: everything that the stream holds first, then what is added. It
 * reconnects by itself, and reads everything again when the stream is not the one it knew or something is missing in it. An
 * empty stream never means that nothing is revoked.
 */
export class RedisRevocationSource {
  readonly name = 'redis';
  #connected = false;
  #lastError: string | undefined;
  #redis: Redis | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The last entry taken; absent when everything must be read. */
  #cursor: RawEntry | undefined;
  #generation: number | undefined;
  #inReplay = false;
  readonly #stop = new AbortController();
  readonly #stream: string;
  /** Truly private: who logs a source must not log its password. */
  readonly #options: RedisRevocationSourceOptions;

  /** @throws {TypeError} when the URL is of no known form */
  constructor(options: RedisRevocationSourceOptions) {
    this.#options = options;
    this.#stream = options.stream ?? DEFAULT_STREAM;
    requireAddress(options.url);
  }

  start(sink: FrameSink): void {
    this.#running = this.#follow(sink);
  }

  state(): { connected: boolean; lastError?: string | undefined } {
    return { connected: this.#connected, lastError: this.#lastError };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#redis) giveUp(this.#redis);
    await this.#running;
  }

  async #follow(sink: FrameSink): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      const redis = this.#connect();
      this.#redis = redis;
      let longest = MAX_RECONNECT_DELAY_MS;
      try {
        await connect(redis);
        await this.#read(redis, sink);
      } catch (error) {
        this.#lastError = (error as Error).message;
        if (error instanceof StreamIncomplete) {
          this.#cursor = undefined;
          longest = MAX_REPLAY_DELAY_MS;
        }
      }
      giveUp(redis);
      this.#connected = false;
      failures = performance.now() - began > LASTING_MS ? 1 : failures + 1;
      await pause(retryDelayMs(failures, longest), this.#stop.signal);
    }
  }

  /** Ends only by an error. */
  async #read(redis: Redis, sink: FrameSink): Promise<never> {
    let from = await this.#resume(redis);
    if (from === undefined) {
      const anchor = await findAnchor(redis, this.#stream);
      await this.#replay(redis, anchor, sink);
      this.#cursor = anchor.entry;
      from = anchor.entry[0];
    }
    this.#generation = undefined;
    this.#inReplay = false;
    for (;;) {
      for (const entry of await this.#next(redis, from)) {
        const anchor = this.#take(entry, sink);
        if (anchor) await this.#replay(redis, anchor, sink);
        this.#cursor = entry;
        from = entry[0];
      }
    }
  }

  async #replay(redis: Redis, anchor: Anchor, sink: FrameSink): Promise<void> {
    const receive = (frame: FeedFrame) => {
      if (sink.receive(frame) === 'replay') throw new StreamIncomplete('entries are missing');
    };
    // One that does not come to its end must be followed by another: until then the sink takes no gap for one.
    this.#cursor = undefined;
    await replayUpTo(anchor, { redis, stream: this.#stream, receive, drop: () => sink.drop() });
    this.#generation = anchor.generation;
  }

  /** Where to go on, or `undefined` when everything must be read. */
  async #resume(redis: Redis): Promise<string | undefined> {
    const cursor = this.#cursor;
    if (!cursor || this.#inReplay) return undefined;
    const [id] = cursor;
    const [found] = await redis.xrange(this.#stream, id, id);
    return found?.[1].join() === cursor[1].join() ? streamIdBefore(id, OVERLAP_MS) : undefined;
  }

  async #next(redis: Redis, from: string): Promise<RawEntry[]> {
    const reply = await redis.xread(
      'COUNT',
      PAGE_SIZE,
      'BLOCK',
      SILENCE_MS,
      'STREAMS',
      this.#stream,
      from,
    );
    if (!reply) throw new Error('no heartbeat comes through Redis');
    this.#connected = true;
    this.#lastError = undefined;
    return reply[0]?.[1] ?? [];
  }

  /**
   * Hands one entry on. After a gap entries are taken as before, since each revokes something, until a heartbeat says that
   * all are there.
   *
   * @returns the heartbeat up to which everything must be read again
   */
  #take(entry: RawEntry, sink: FrameSink): Anchor | undefined {
    const read = decode(entry, () => sink.drop());
    if (!read) return undefined;
    const { frame, generation = 0 } = read;
    if (frame.type === 'revocation') {
      sink.receive(frame);
      return undefined;
    }
    if (frame.type === 'heartbeat') {
      const missedBegin = generation !== (this.#generation ?? generation);
      this.#generation = generation;
      const gap = sink.receive(frame) === 'replay' || missedBegin;
      return gap ? anchorOf(entry, read) : undefined;
    }
    // The beginning of this end may lie before the place where this reading resumed.
    if (frame.type === 'end' && !this.#inReplay) return undefined;
    this.#inReplay = frame.type === 'begin';
    this.#generation = generation;
    if (sink.receive(frame) === 'replay') throw new StreamIncomplete('entries are missing');
    return undefined;
  }

  #connect(): Redis {
    return createRedis({ ...this.#options, commandTimeoutMs: COMMAND_TIMEOUT_MS });
  }
}
