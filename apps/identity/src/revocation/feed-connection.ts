import type { ServerResponse } from 'node:http';
import { formatPosition, serializeRevocationEvent } from '@countersign/revocation';
import type { FeedFrame } from '@countersign/revocation';
import { ANSWER_HEADERS } from '@countersign/service-host';
import type { FeedSubscriber } from './revocation-feed.js';

/** Bytes that may wait for a slow reader before it is cut off; it resumes from its last event id. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** One reader of the feed over server-sent events (WHATWG HTML §9.2). */
export class FeedConnection implements FeedSubscriber {
  readonly local = false;
  #drained: Promise<void> | undefined;

  constructor(private readonly response: ServerResponse) {}

  get isGone(): boolean {
    return this.response.destroyed || this.response.writableEnded;
  }

  /** A reader that is gone already is left alone. */
  open(): void {
    if (this.isGone) return;
    this.response.writeHead(200, {
      ...ANSWER_HEADERS,
      'content-type': 'text/event-stream',
      'x-accel-buffering': 'no',
    });
    this.response.flushHeaders();
  }

  send(frame: FeedFrame): void | Promise<void> {
    if (this.isGone) return;
    const drained = this.response.write(encodeFrame(frame));
    if (frame.type === 'goodbye') {
      this.response.end();
      return;
    }
    if (drained) return;
    if (this.response.writableLength > MAX_BUFFERED_BYTES) {
      this.cutOff();
      return;
    }
    this.#drained ??= this.#untilDrained();
    return this.#drained;
  }

  /** Ends the connection without a word: its other end may be gone. */
  cutOff(): void {
    this.response.destroy();
  }

  /** One for all who wait. */
  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.response.off('drain', done).off('close', done);
        this.#drained = undefined;
        resolve();
      };
      this.response.on('drain', done).on('close', done);
    });
  }
}

/** The wire form of a frame. Only revocations and the end of a replay carry an id: what a reader may resume from. */
export function encodeFrame(frame: FeedFrame): string {
  switch (frame.type) {
    case 'begin':
      return message('begin', { epoch: frame.epoch, after: frame.after, head: frame.head });
    case 'revocation':
      return message(
        'revocation',
        serializeRevocationEvent(frame.event),
        formatPosition(frame.event),
      );
    case 'end':
      return message(
        'end',
        { epoch: frame.epoch, head: frame.head },
        formatPosition({ epoch: frame.epoch, seq: frame.head }),
      );
    case 'heartbeat': {
      const { epoch, head, readAt, proof } = frame.heartbeat;
      return message('heartbeat', { epoch, head, read_at: readAt, proof });
    }
    case 'goodbye':
      return message('goodbye', {});
  }
}

function message(event: string, data: object, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
