import type { IncomingHttpHeaders } from 'node:http';
import { traceHeaders } from '@countersign/service-host';
import { Client, Pool } from 'undici';
import type { Dispatcher } from 'undici';

export interface JsonAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** `undefined` when it was not JSON. */
  readonly body: unknown;
}

/** Sends a text of JSON to the one place that it is for. Rejects when there is no answer. */
export type PostJson = (body: string) => Promise<JsonAnswer>;

export interface PostJsonOptions {
  readonly url: string;
  /** The value of the `Authorization` header. */
  readonly authorization: string;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** Connections at once; more requests wait for one. */
  readonly maxConnections: number;
}

const MAX_BYTES = 64 * 1024;
/** What is said of a connection that the other side has closed. */
const CLOSED: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Makes a {@link PostJson} on connections that are kept open. What is asked may be asked twice: when such a connection turns out to
 * be closed, it is, on a new one. Works on undici's dispatcher itself: its `request`, and `node:http` even more, cost several times as
 * much, and this is done for every request of a session.
 */
export function postJsonTo({
  url,
  authorization,
  timeoutMs,
  maxConnections,
}: PostJsonOptions): PostJson & { close(): Promise<void> } {
  const { origin, pathname } = new URL(url);
  // Of time-outs there is one, for the whole.
  const settings = { pipelining: 1, headersTimeout: 0, bodyTimeout: 0 };
  const kept = new Pool(origin, { ...settings, connections: maxConnections });
  const send = (dispatcher: Dispatcher, body: string, endsAt: number) =>
    new Promise<JsonAnswer>((resolve, reject) => {
      const headers = { ...traceHeaders(), authorization, 'content-type': 'application/json' };
      const exchange = new Exchange(endsAt - performance.now(), resolve, reject);
      dispatcher.dispatch({ method: 'POST', path: pathname, headers, body }, exchange);
    });
  const post = async (body: string) => {
    const endsAt = performance.now() + timeoutMs;
    try {
      return await send(kept, body, endsAt);
    } catch (error) {
      if (!CLOSED.has((error as { readonly code?: unknown }).code)) throw error;
      const fresh = new Client(origin, settings);
      // Ended as soon as it is done.
      return await send(fresh, body, endsAt).finally(() => void fresh.destroy());
    }
  };
  return Object.assign(post, { close: () => kept.destroy() });
}

/** One question and its answer, which is read whole. */
class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #overdue: Error | undefined;
  readonly #timer: NodeJS.Timeout;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(
    timeoutMs: number,
    private readonly resolve: (answer: JsonAnswer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.#timer = setTimeout(() => {
      this.#overdue = new Error('no answer in time');
      this.#controller?.abort(this.#overdue);
      reject(this.#overdue);
    }, timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It has waited for a connection for too long.
    if (this.#overdue) controller.abort(this.#overdue);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders) {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_BYTES) controller.abort(new Error('the answer is too long'));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const body = parsed(Buffer.concat(this.#chunks).toString('utf8'));
    this.resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.reject(error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
