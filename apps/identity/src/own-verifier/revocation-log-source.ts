import type { FeedFrame } from '@countersign/revocation';
import type { RevocationSink, RevocationSource, SourceState } from '@countersign/token-verifier';
import type { DatabaseClock } from './database-clock.js';
import type { RevocationFeed } from '../revocation/revocation-feed.js';

const RETRY_MS = 1_000;

/** Revocations for identity's own verifier: the feed of this process, without the HTTP. */
export class RevocationLogSource implements RevocationSource {
  readonly name = 'log';
  #leave: (() => void) | undefined;
  #retry: NodeJS.Timeout | undefined;
  #lastError: string | undefined;
  #closed = false;

  constructor(
    private readonly feed: RevocationFeed,
    private readonly clock: DatabaseClock,
  ) {}

  start(sink: RevocationSink): void {
    // What an abandoned attempt still brings, or how it ends, is no longer ours.
    let abandoned = false;
    const again = () => {
      if (abandoned) return;
      abandoned = true;
      this.#startAgain(sink);
    };
    const subscriber = {
      local: true,
      send: (frame: FeedFrame) => {
        if (frame.type === 'heartbeat') this.clock.note(frame.heartbeat.readAt);
        if (!abandoned && sink.receive(frame) === 'replay') again();
      },
    };
    this.feed.subscribe(subscriber, sink.position()).then(
      (leave) => {
        if (abandoned || this.#closed) leave();
        else this.#leave = leave;
        this.#lastError = undefined;
      },
      (error: unknown) => {
        this.#lastError = (error as Error).message;
        again();
      },
    );
  }

  state(): SourceState {
    return { connected: this.#leave !== undefined, lastError: this.#lastError };
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#leave?.();
    return Promise.resolve();
  }

  #startAgain(sink: RevocationSink): void {
    this.#leave?.();
    this.#leave = undefined;
    clearTimeout(this.#retry);
    if (!this.#closed) this.#retry = setTimeout(() => this.start(sink), RETRY_MS);
  }
}
