import type { Position } from '@countersign/revocation';
import { retryDelayMs, WriteRefused } from '@countersign/revocation-redis';
import type { StreamState, StreamWriter } from '@countersign/revocation-redis';
import { tracedAlone } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import { systemClock } from '@countersign/token-verifier';
import type { RelayLease } from './relay-lease.js';
import type { LogReading, RelayedLog } from './relayed-log.js';

const TRIM_EVERY_MS = 10_000;
/** While everything is written again, what is new goes out in between, this often. */
const KEEP_UP_EVERY_MS = 200;
const CALM_MS = 10_000;
const MAX_REEMISSION_DELAY_MS = 10_000;
const NOTHING: Position = { epoch: 0, seq: 0 };

/** What one replica does while it leads: brings the log to the stream, in order, and beats. */
export class Leadership {
  #lag = 0;
  #beaten: Position | undefined;
  #beatenAtMs: number | undefined;
  #trimmedAtMs = Number.NEGATIVE_INFINITY;
  #reemissions = 0;
  #reemittedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly term: number,
    private readonly writer: StreamWriter,
    private readonly log: RelayedLog,
    private readonly lease: RelayLease,
    private readonly logger: Logger,
  ) {}

  get written(): StreamState {
    return this.writer.state;
  }

  /** Entries committed and not in Redis yet, as of the last reading. */
  get lag(): number {
    return this.#lag;
  }

  /** When the last heartbeat was written, on the monotonic clock. */
  get beatenAtMs(): number | undefined {
    return this.#beatenAtMs;
  }

  /** @param known what this replica knows to have been written, if nobody has led since */
  async begin(known: StreamState | undefined): Promise<void> {
    const { head } = await this.log.read();
    const found = await this.writer.adopt(head, known);
    this.logger.info(
      { term: this.term, generation: found.generation },
      'this replica writes revocations to Redis from now on',
    );
    if (!found.complete) await this.#reemit(whyIncomplete(found));
  }

  /**
   * Writes what is new, and a heartbeat if one is due.
   *
   * @throws {Superseded} when another replica leads
   * @throws {WriteRefused} `fenced` or `behind`
   */
  async turn(beatIsDue: boolean, lastError?: string): Promise<void> {
    const reading = await this.log.read(this.writer.state.position);
    try {
      // First what is new: it should not wait for the lease, and a successor is fenced off by the term.
      await this.#publish(reading);
      if (!beatIsDue) return;
      await this.#renew(lastError);
      await this.#beat(reading);
    } catch (error) {
      if (!(error instanceof WriteRefused)) throw error;
      if (error.verdict === 'lost') await this.#reemit(error.detail);
      else if (error.verdict !== 'late') throw error;
    }
  }

  async #publish({ head, page: firstPage }: LogReading): Promise<void> {
    const { position, complete } = this.writer.state;
    this.#lag = position?.epoch === head.epoch ? head.seq - position.seq : head.seq;
    if (!complete || !position) return this.#reemit(whyIncomplete(this.writer.state));
    if (position.epoch !== head.epoch) return this.#reemit('the epoch was raised');
    if (position.seq > head.seq) {
      return this.#reemit('the database holds less than Redis: it was restored from a copy');
    }
    for await (const page of this.log.between(position, head, firstPage)) {
      await this.#append(page);
    }
    this.#lag = 0;
  }

  async #append(page: Parameters<StreamWriter['append']>[0]): Promise<void> {
    const work = () => this.writer.append(page);
    await tracedAlone('relay revocations', work, { 'countersign.revocations': page.length });
  }

  async #beat({ head, heartbeat, readAtMs }: LogReading): Promise<void> {
    const now = systemClock.monotonicMs();
    const trims = now - this.#trimmedAtMs > TRIM_EVERY_MS;
    const trimming = trims ? await this.log.trimming(head) : undefined;
    await this.writer.heartbeat(heartbeat, readAtMs, trimming);
    if (trims) this.#trimmedAtMs = now;
    this.#beaten = head;
    this.#beatenAtMs = now;
  }

  async #renew(lastError?: string): Promise<void> {
    const written = this.#beaten;
    this.#beaten = undefined;
    await this.lease.renew(this.term, written, lastError);
  }

  /** Writes everything live again, under a new generation. What is committed meanwhile goes out in between, and again after it. */
  async #reemit(reason: string): Promise<void> {
    await this.#calmDown();
    const began = systemClock.monotonicMs();
    const { head } = await this.log.read();
    await this.writer.begin(await this.lease.nextGeneration(this.term), head);
    let entries = 0;
    let fresh = head;
    let keptUpAtMs = began;
    for await (const page of this.log.between(NOTHING, head)) {
      await this.#append(page);
      entries += page.length;
      if (systemClock.monotonicMs() - keptUpAtMs < KEEP_UP_EVERY_MS) continue;
      keptUpAtMs = systemClock.monotonicMs();
      fresh = await this.#keepUp(fresh);
    }
    await this.writer.end(head);
    this.#reemittedAtMs = systemClock.monotonicMs();
    const { generation } = this.writer.state;
    this.logger.warn(
      { reason, generation, entries, ms: Math.round(this.#reemittedAtMs - began) },
      'all live revocations were written to Redis again',
    );
  }

  async #keepUp(after: Position): Promise<Position> {
    await this.#renew();
    const { head, heartbeat, readAtMs } = await this.log.read();
    if (head.epoch !== after.epoch) return after;
    for await (const page of this.log.between(after, head)) await this.#append(page);
    await this.writer.heartbeat(heartbeat, readAtMs).catch((error: unknown) => {
      if (!(error instanceof WriteRefused && error.verdict === 'late')) throw error;
    });
    return head;
  }

  /** Somebody who keeps changing the stream must not keep everybody busy. */
  async #calmDown(): Promise<void> {
    const now = systemClock.monotonicMs();
    this.#reemissions = now - this.#reemittedAtMs > CALM_MS ? 0 : this.#reemissions + 1;
    if (this.#reemissions === 0) return;
    const delayMs = retryDelayMs(this.#reemissions, MAX_REEMISSION_DELAY_MS);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

function whyIncomplete({ generation }: StreamState): string {
  return generation === 0
    ? 'there was no stream'
    : 'the stream was not finished, or not as it was left';
}
