import { comparePositions, formatPosition, parsePosition } from '@countersign/revocation';
import type { Heartbeat, Position, RevocationEvent } from '@countersign/revocation';
import type { Redis } from 'ioredis';
import { DEFAULT_STREAM, encodeHeartbeat, encodeMark, encodeRevocation } from './stream-entry.js';
import type { EntryField } from './stream-entry.js';
import { compareStreamIds } from './stream-id.js';
import { WRITE_SCRIPT } from './write-script.js';

/**
 * - `fenced`: a writer of a later term has written.
 * - `behind`: a writer of a later epoch has written.
 * - `lost`: the stream is not as this writer left it; everything must be written again.
 * - `late`: it took too long for a heartbeat to be one.
 */
export type RefusalVerdict = 'fenced' | 'behind' | 'lost' | 'late';

/** Redis is there, and refused the write: nothing was written. */
export class WriteRefused extends Error {
  override readonly name = 'WriteRefused';

  constructor(
    readonly verdict: RefusalVerdict,
    /** `fenced`: the later term; `behind`: the later position; `lost`: what is wrong, for people. */
    readonly detail: string,
  ) {
    super(detail === '' ? verdict : `${verdict}: ${detail}`);
  }
}

/** What the stream holds, by its writer's own account. */
export interface StreamState {
  /** 0 when nothing is known. */
  readonly generation: number;
  /** The last event written with none missing before it. */
  readonly position: Position | undefined;
  /** Whether everything live up to `position` is in the stream. */
  readonly complete: boolean;
  /** The id of the newest entry; empty when there is none. */
  readonly last: string;
}

/** What to do about entries that have ended. */
export interface Trimming {
  /** How long entries are kept, seconds: longer than any of them can be live. */
  readonly retentionSeconds: number;
  /** Entries that never end. They are added again before the trim would drop them. */
  readonly permanent: readonly RevocationEvent[];
}

const HEARTBEAT_MAX_AGE_MS = 1_000;

/**
 * Writes one stream as the leader of one term. Every write is refused once a later term has written, whoever sent it and
 * whenever it arrives; and every write is refused when the stream is not as the last one left it.
 *
 * A write whose answer was lost may have been done: make a new writer then, which adopts what is there.
 */
export class StreamWriter {
  #state: StreamState = { generation: 0, position: undefined, complete: false, last: '' };
  #redisTime: { readonly ms: number; readonly at: number } | undefined;

  private readonly redis: WritableRedis;

  constructor(
    redis: Redis,
    private readonly term: number,
    private readonly monotonicMs: () => number,
    private readonly stream = DEFAULT_STREAM,
  ) {
    redis.defineCommand('writeRevocations', { numberOfKeys: 2, lua: WRITE_SCRIPT });
    this.redis = redis as WritableRedis;
  }

  get state(): StreamState {
    return this.#state;
  }

  /**
   * Takes the stream over, which locks earlier terms out.
   *
   * @param head the head of the log; only its epoch matters here
   * @param known what is known to have been written; a stream that holds less is not complete
   */
  async adopt(head: Position, known?: StreamState): Promise<StreamState> {
    const found = await this.#run('adopt', head, { generation: 0, complete: false }, []);
    const lessThanKnown =
      known !== undefined &&
      (found.generation !== known.generation ||
        !found.position ||
        (known.position && comparePositions(found.position, known.position) < 0) ||
        compareStreamIds(found.last, known.last) < 0);
    this.#state = lessThanKnown ? { ...found, complete: false } : found;
    return this.#state;
  }

  /** Opens a re-emission of everything live up to `head`, whatever the stream holds. */
  async begin(generation: number, head: Position): Promise<void> {
    const mark = encodeMark('begin', { epoch: head.epoch, head: head.seq, generation });
    this.#state = await this.#run('begin', head, { generation, complete: false }, [mark]);
  }

  /** Closes the re-emission. */
  async end(head: Position): Promise<void> {
    const { generation } = this.#state;
    const mark = encodeMark('end', { epoch: head.epoch, head: head.seq, generation });
    await this.#append(head, [mark], { complete: true });
  }

  /** Appends events in order. While a re-emission is open the position stays where that one leads. */
  async append(events: readonly RevocationEvent[]): Promise<void> {
    const { position, complete } = this.#state;
    const last = complete ? events.at(-1) : position;
    if (events.length === 0 || !last) return;
    await this.#append({ epoch: last.epoch, seq: last.seq }, events.map(encodeRevocation));
  }

  /**
   * @param readAtMs when the head was read, on the monotonic clock; later than a second after that it is refused
   * @throws {WriteRefused} `late`: the next one may come in time
   */
  async heartbeat(heartbeat: Heartbeat, readAtMs: number, trimming?: Trimming): Promise<void> {
    const { generation, complete, position } = this.#state;
    const upTo = complete || !position ? { epoch: heartbeat.epoch, seq: heartbeat.head } : position;
    const seen = this.#redisTime;
    const deadline = seen ? seen.ms + (readAtMs - seen.at) + HEARTBEAT_MAX_AGE_MS : 0;
    await this.#append(upTo, [encodeHeartbeat(heartbeat, generation)], {
      deadline: Math.ceil(deadline),
      ...(trimming && { trimming, databaseMs: Math.floor(heartbeat.readAt * 1000) }),
    });
  }

  async #append(
    upTo: Position,
    entries: readonly EntryField[],
    options: Partial<RunOptions> = {},
  ): Promise<void> {
    const { generation, complete } = this.#state;
    this.#state = await this.#run('append', upTo, { generation, complete, ...options }, entries);
  }

  async #run(
    operation: 'adopt' | 'begin' | 'append',
    upTo: Position,
    options: RunOptions,
    entries: readonly EntryField[],
  ): Promise<StreamState> {
    const { generation, position, last } = this.#state;
    const { trimming } = options;
    const permanent = trimming?.permanent.map(encodeRevocation) ?? [];
    const answer = await this.redis.writeRevocations(
      this.stream,
      `${this.stream}:relay`,
      this.term,
      formatPosition(upTo),
      operation,
      generation,
      position ? formatPosition(position) : '',
      last,
      options.generation,
      options.complete ? 1 : 0,
      options.deadline ?? 0,
      options.databaseMs ?? 0,
      (trimming?.retentionSeconds ?? 0) * 1000,
      permanent.length,
      ...[...permanent, ...entries].flat(),
    );
    const [verdict = '', now = '', ...rest] = answer;
    this.#redisTime = { ms: Number(now), at: this.monotonicMs() };
    if (verdict !== 'ok') throw new WriteRefused(verdict as RefusalVerdict, rest[0] ?? '');
    return {
      generation: Number(rest[0]),
      position: parsePosition(rest[1] ?? ''),
      complete: rest[2] === '1',
      last: rest[3] ?? '',
    };
  }
}

interface WritableRedis extends Redis {
  /** {@link WRITE_SCRIPT}, sent by its digest. */
  writeRevocations(stream: string, state: string, ...args: (string | number)[]): Promise<string[]>;
}

interface RunOptions {
  /** From here on. */
  readonly generation: number;
  readonly complete: boolean;
  /** Milliseconds of Redis time. */
  readonly deadline?: number;
  readonly trimming?: Trimming;
  /** Database time, milliseconds. */
  readonly databaseMs?: number;
}
