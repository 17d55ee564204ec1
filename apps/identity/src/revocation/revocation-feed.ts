import { Inject, Injectable } from '@nestjs/common';
import { comparePositions } from '@countersign/revocation';
import type { FeedFrame, Position } from '@countersign/revocation';
import { OutageLog } from '@countersign/service-host';
import type { Logger } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { ListeningConnection } from '../platform/listening-connection.js';
import { LOGGER } from '../platform/platform.module.js';
import { Epochs } from './epochs.js';
import { HeartbeatProof } from './heartbeat-proof.js';
import { REVOCATION_CHANNEL, RevocationLog } from './revocation-log.js';
import type { HeadReading } from './revocation-log.js';

/** Somebody who follows the log in this process: an SSE connection, or identity's own verifier. */
export interface FeedSubscriber {
  /** Whether it is a part of this process, and stays while readers from outside are sent away. */
  readonly local: boolean;
  /** Takes one frame. A promise is waited for while catching up: that is the back-pressure. */
  send(frame: FeedFrame): void | Promise<void>;
}

const HEARTBEAT_MS = 1_000;
const PAGE_SIZE = 1_000;

/**
 * Follows the log and hands what is new to every subscriber, in order, with a heartbeat each second that the database
 * could be read. Woken by a notification, and by the heartbeat's own read when one was lost.
 */
@Injectable()
export class RevocationFeed {
  readonly #live = new Set<FeedSubscriber>();
  readonly #listening: ListeningConnection;
  readonly #outages: OutageLog;
  #published: Position | undefined;
  #turn: Promise<void> = Promise.resolve();
  #readPending = false;
  #beatPending = false;
  #dismissing = false;
  #beating: NodeJS.Timeout | undefined;

  constructor(
    config: IdentityConfig,
    private readonly log: RevocationLog,
    private readonly proof: HeartbeatProof,
    private readonly epochs: Epochs,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#outages = new OutageLog(logger, {
      fails: 'the revocation log could not be read: no heartbeat goes out',
      worksAgain: 'the revocation log is read again',
    });
    this.#listening = new ListeningConnection(config.DATABASE_URL, REVOCATION_CHANNEL, () =>
      this.#publishSoon(),
    );
  }

  async start(): Promise<void> {
    await this.#listening.start();
    this.#beating = setInterval(() => this.#beatSoon(), HEARTBEAT_MS);
    await this.#beat();
  }

  /** Sends readers from outside away, those too that are still catching up or come later. They find another replica. */
  dismissReaders(): void {
    this.#dismissing = true;
    for (const subscriber of this.#live) if (!subscriber.local) this.#dismiss(subscriber);
  }

  async stop(): Promise<void> {
    this.dismissReaders();
    clearInterval(this.#beating);
    this.#listening.close();
    this.#live.clear();
    await this.#turn;
  }

  /**
   * Brings a subscriber from `after` (or from nothing) to the head, then keeps it there.
   *
   * @returns how to leave
   */
  async subscribe(subscriber: FeedSubscriber, after: Position | undefined): Promise<() => void> {
    const reached = await this.#catchUp(subscriber, after);
    await this.#inTurn(async () => {
      const head = await this.#publish();
      // What was published between the catch-up and this turn went past the subscriber.
      if (this.#published && comparePositions(this.#published, reached) > 0) {
        await this.#replay(withoutWaiting(subscriber), reached, this.#published);
      }
      if (this.#dismissing && !subscriber.local) {
        this.#dismiss(subscriber);
        return;
      }
      this.#live.add(subscriber);
      void subscriber.send(this.#heartbeat(head));
    });
    return () => void this.#live.delete(subscriber);
  }

  get subscribers(): number {
    return this.#live.size;
  }

  async #catchUp(subscriber: FeedSubscriber, after: Position | undefined): Promise<Position> {
    const head = await this.log.head();
    const known = after?.epoch === head.epoch && after.seq <= head.seq ? after : undefined;
    await this.#replay(subscriber, known, head);
    return head;
  }

  async #replay(
    subscriber: FeedSubscriber,
    after: Position | undefined,
    head: Position,
  ): Promise<void> {
    await subscriber.send({
      type: 'begin',
      epoch: head.epoch,
      after: after?.seq ?? 0,
      head: head.seq,
    });
    for await (const page of this.log.pages(after ?? { epoch: 0, seq: 0 }, head, PAGE_SIZE)) {
      for (const event of page) await subscriber.send({ type: 'revocation', event });
    }
    await subscriber.send({ type: 'end', epoch: head.epoch, head: head.seq });
  }

  #dismiss(subscriber: FeedSubscriber): void {
    this.#live.delete(subscriber);
    void subscriber.send({ type: 'goodbye' });
  }

  /** One beat at a time: while the database hangs, none pile up. */
  #beatSoon(): void {
    if (this.#beatPending) return;
    this.#beatPending = true;
    void this.#beat().finally(() => (this.#beatPending = false));
  }

  /** Asks for a publication; one that has not begun yet serves all who ask meanwhile. */
  #publishSoon(): void {
    if (this.#readPending) return;
    this.#readPending = true;
    const turn = this.#inTurn(async () => {
      this.#readPending = false;
      await this.#publish();
    });
    void this.#trying(turn);
  }

  /** What is new does not wait behind the look at which database this is. */
  async #beat(): Promise<void> {
    const followed = this.epochs.follow();
    await this.#trying(followed.then(() => this.#inTurn(() => this.#publishWithHeartbeat())));
  }

  async #publishWithHeartbeat(): Promise<void> {
    this.#sendToAll(this.#heartbeat(await this.#publish()));
  }

  #heartbeat({ epoch, seq, readAt }: HeadReading): FeedFrame {
    const proof = this.proof.proofOf({ epoch, seq });
    return { type: 'heartbeat', heartbeat: { epoch, head: seq, readAt, proof } };
  }

  async #publish(): Promise<HeadReading> {
    const from = this.#published;
    const { head, events } = from
      ? await this.log.read(from, PAGE_SIZE)
      : { head: await this.log.head(), events: [] };
    if (from?.epoch === head.epoch) {
      for await (const page of this.log.pages(from, head, PAGE_SIZE, events)) {
        for (const event of page) this.#sendToAll({ type: 'revocation', event });
      }
    } else if (from) {
      for (const subscriber of this.#live) {
        await this.#replay(withoutWaiting(subscriber), undefined, head);
      }
    }
    this.#published = { epoch: head.epoch, seq: head.seq };
    return head;
  }

  #sendToAll(frame: FeedFrame): void {
    for (const subscriber of this.#live) void subscriber.send(frame);
  }

  /** One at a time, in the order of asking: everybody sees one order. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** For work that the next turn does again when it fails. */
  #trying(work: Promise<void>): Promise<void> {
    return work.then(
      () => this.#outages.worked(),
      (error: unknown) => this.#outages.failed(error),
    );
  }
}

/** For turns, which everybody waits for: a slow reader must not hold up the others, and is cut off instead. */
function withoutWaiting(subscriber: FeedSubscriber): FeedSubscriber {
  return { local: subscriber.local, send: (frame) => void subscriber.send(frame) };
}
