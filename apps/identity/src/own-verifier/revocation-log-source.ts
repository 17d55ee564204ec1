import type { FeedFrame } from '@countersign/revocation';
import type { RevocationSink, RevocationSource } from '@countersign/token-verifier';
import type { RevocationFeed } from '../revocation/revocation-feed.js';

const RETRY_MS = 1_000;

/** Revocations for identity's own verifier: the feed of this process, without the HTTP. */
export class RevocationLogSource implements RevocationSource {
  #leave: (() => void) | undefined;
  #retry: NodeJS.Timeout | undefined;
  #lastError: string | undefined;
  #closed = false;

  constructor(private readonly feed: RevocationFeed) {}

  start(sink: RevocationSink): void {
    const subscriber = {
      send: (frame: FeedFrame) => {
        if (sink.receive(frame) === 'replay') this.#startAgain(sink);
      },
    };
    this.feed.subscribe(subscriber, sink.position()).then(
      (leave) => {
        this.#leave = leave;
        this.#lastError = undefined;
        if (this.#closed) leave();
      },
      (error: unknown) => {
        this.#lastError = (error as Error).message;
        this.#startAgain(sink);
      },
    );
  }

  state(): { connected: boolean; lastError?: string | undefined } {
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
