import { formatPosition, parseFeedFrame, RevocationFormatError } from '@countersign/revocation';
import type { FeedFrame } from '@countersign/revocation';
import { backoffMs, pause } from '../fetching/backoff.js';
import type { VerifierClock } from '../clock.js';
import type { Discovery } from '../fetching/discovery.js';
import { readEventStream, readLines } from './event-stream.js';
import { asRequestFailed, request, RequestFailed } from '../fetching/http-fetch.js';
import type { Fetch } from '../fetching/http-fetch.js';
import { inSmallTurns } from './in-small-turns.js';
import type { RevocationSink, RevocationSource, SourceState } from '../sources.js';

/**
 * A feed that says nothing for so long has lost its connection: heartbeats come every second. Comments say nothing; what stands
 * in between may add them to keep the connection open although nobody is at its other end.
 */
const PATIENCE = { ms: 5_000, per: 'message' } as const;
const MAX_LINE_LENGTH = 64 * 1024;
const LASTING_MS = 10_000;
const MAX_BACKOFF_MS = 5_000;

class ReplayNeeded extends Error {}

/**
 * Brings revocations over HTTP: a paged snapshot first, then the live feed from where the snapshot ended. Reconnects by
 * itself and starts again from a snapshot when events are missing.
 */
export class FeedClient implements RevocationSource {
  readonly name = 'feed';
  #connected = false;
  #lastError: string | undefined;
  #running: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();
  /** Truly private: who logs a verifier must not log the secret of its service. */
  readonly #authorization: string;

  constructor(
    private readonly discovery: Discovery,
    private readonly fetch: Fetch,
    authorization: string,
    private readonly instanceId: string,
    private readonly clock: VerifierClock,
  ) {
    this.#authorization = authorization;
  }

  start(sink: RevocationSink): void {
    this.#running = this.#follow(sink);
  }

  state(): SourceState {
    return { connected: this.#connected, lastError: this.#lastError };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(sink: RevocationSink): Promise<void> {
    let failures = 0;
    let replay = true;
    while (!this.#stop.signal.aborted) {
      const began = this.clock.monotonicMs();
      try {
        if (replay) await this.#readSnapshot(sink);
        replay = false;
        await this.#readFeed(sink);
      } catch (error) {
        replay ||= error instanceof ReplayNeeded;
        this.#lastError = (error as Error).message;
      }
      this.#connected = false;
      // A connection that lasted was a good one. Every new one waits a little, also after a goodbye.
      failures = this.clock.monotonicMs() - began > LASTING_MS ? 1 : failures + 1;
      await pause(backoffMs(failures, MAX_BACKOFF_MS), this.#stop.signal);
    }
  }

  async #readSnapshot(sink: RevocationSink): Promise<void> {
    const { snapshot } = await this.discovery.endpoints(this.#stop.signal);
    if (snapshot === undefined)
      throw new RequestFailed('the metadata names no revocation snapshot');
    let cursor: string | undefined;
    do cursor = await this.#readPage(snapshot, cursor, sink);
    while (cursor !== undefined);
  }

  /** @returns the cursor of the next page, or `undefined` when the snapshot is complete */
  async #readPage(
    snapshot: string,
    cursor: string | undefined,
    sink: RevocationSink,
  ): Promise<string | undefined> {
    const url = new URL(snapshot);
    if (cursor !== undefined) url.searchParams.set('cursor', cursor);
    return this.#request(url.href, 'application/x-ndjson', {}, async (body, onMessage) => {
      for await (const line of readLines(inSmallTurns(body), MAX_LINE_LENGTH)) {
        onMessage();
        const data = parseJson(line) as { type?: unknown; next_cursor?: unknown };
        if (data.type === 'page' && typeof data.next_cursor === 'string') return data.next_cursor;
        deliver(String(data.type), data, sink);
        if (data.type === 'end') return undefined;
      }
      throw new RequestFailed('the snapshot ended too early');
    });
  }

  async #readFeed(sink: RevocationSink): Promise<void> {
    const { feed } = await this.discovery.endpoints(this.#stop.signal);
    if (feed === undefined) throw new RequestFailed('the metadata names no revocation feed');
    const position = sink.position();
    const resume: Record<string, string> = position
      ? { 'last-event-id': formatPosition(position) }
      : {};
    await this.#request(feed, 'text/event-stream', resume, async (body, onMessage) => {
      this.#connected = true;
      this.#lastError = undefined;
      for await (const message of readEventStream(inSmallTurns(body), MAX_LINE_LENGTH)) {
        onMessage();
        if (message.event === 'goodbye') return;
        deliver(message.event, parseJson(message.data), sink);
      }
    });
  }

  async #request<T>(
    url: string,
    accept: string,
    headers: Record<string, string>,
    read: (body: AsyncIterable<Uint8Array>, onMessage: () => void) => Promise<T>,
  ): Promise<T> {
    const transport = { fetch: this.fetch, stop: this.#stop.signal };
    const authorization = this.#authorization;
    const init = {
      headers: { accept, authorization, 'countersign-instance': this.instanceId, ...headers },
    };
    try {
      return await request(transport, url, init, PATIENCE, (body, _head, onMessage) =>
        read(body, onMessage),
      );
    } catch (error) {
      if (error instanceof ReplayNeeded) throw error;
      this.discovery.doubt();
      throw asRequestFailed(error, url);
    }
  }
}

function deliver(type: string, data: unknown, sink: RevocationSink): void {
  let frame: FeedFrame | undefined;
  try {
    frame = parseFeedFrame(type, data);
  } catch (error) {
    if (!(error instanceof RevocationFormatError)) throw error;
    sink.drop();
    return;
  }
  if (frame && sink.receive(frame) === 'replay') throw new ReplayNeeded('events are missing');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestFailed('a message is not JSON');
  }
}
