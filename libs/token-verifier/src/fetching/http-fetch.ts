import { parseStrictObject } from '../tokens/strict-json.js';

/** Limits of one request to identity. */
export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** The part of an answer that comes before its body. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
}

/** An answer to a conditional request: a new document, or `undefined` when what the caller holds is still it (304). */
export interface FetchedDocument {
  readonly text: Buffer | undefined;
  readonly headers: Headers;
}

/** The part of `fetch` that the verifier needs. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A request to identity that did not give a usable answer. The message names the address and the fault. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
}

/** What a request is made with: besides `fetch`, the signal that ends it early. */
export interface Transport {
  readonly fetch: Fetch;
  readonly stop: AbortSignal;
}

/** How long a request may take: from its start, or without a message that its reader takes for a sign of life. */
export interface Patience {
  readonly ms: number;
  readonly per: 'request' | 'message';
}

/**
 * Makes a request and hands the chunks of its answer to `read`: no redirects, status 200 only, or 304 (without chunks) when
 * `init` has an `if-none-match`. Ends when `read` is done, when `stop` is aborted, or when patience is over.
 *
 * @throws {RequestFailed}, or what `fetch` or `read` throws
 */
export async function request<T>(
  { fetch, stop }: Transport,
  url: string,
  init: RequestInit,
  patience: Patience,
  read: (chunks: AsyncIterable<Uint8Array>, head: AnswerHead, onMessage: () => void) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(new RequestFailed('timed out')), patience.ms);
  const onStop = () => end.abort(new RequestFailed('stopped'));
  stop.addEventListener('abort', onStop);
  if (stop.aborted) onStop();
  try {
    const asked = fetch(url, { ...init, redirect: 'error', signal: end.signal });
    const response = await Promise.race([asked, failureAt(end.signal)]);
    const notModified = response.status === 304 && new Headers(init.headers).has('if-none-match');
    if (!notModified && (response.status !== 200 || !response.body)) {
      await response.body?.cancel();
      throw new RequestFailed(answered(response.status));
    }
    const onMessage = () => {
      if (patience.per === 'message') timer.refresh();
    };
    return await read(chunksOf(response.body, end.signal), response, onMessage);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
    end.abort(new RequestFailed('over'));
  }
}

/**
 * Fetches a JSON object, bounded in time and size, and strict: UTF-8 without a byte order mark, no member twice.
 *
 * @throws {RequestFailed}
 */
export async function fetchJson(
  transport: Transport,
  url: string,
  limits: FetchLimits,
  init: RequestInit = {},
): Promise<unknown> {
  const { text } = await fetchDocument(transport, url, limits, init);
  try {
    return parseStrictObject(text ?? Buffer.alloc(0));
  } catch (error) {
    throw asRequestFailed(error, url);
  }
}

/**
 * Fetches a document, bounded in time and in bytes (as they are after decompression).
 *
 * @throws {RequestFailed}
 */
export async function fetchDocument(
  transport: Transport,
  url: string,
  limits: FetchLimits,
  init: RequestInit = {},
): Promise<FetchedDocument> {
  const patience = { ms: limits.timeoutMs, per: 'request' } as const;
  try {
    return await request(transport, url, init, patience, async (chunks, { status, headers }) => ({
      text: status === 304 ? undefined : await readBytes(chunks, limits.maxBytes),
      headers,
    }));
  } catch (error) {
    throw asRequestFailed(error, url);
  }
}

/** Says which request failed, and what the socket said. */
export function asRequestFailed(error: unknown, url: string): RequestFailed {
  const { message, cause } = error as Error;
  // fetch hides what happened ("ECONNREFUSED", "unexpected redirect") in its cause.
  const hidden = cause as { readonly code?: unknown; readonly message?: unknown } | undefined;
  const fault = [hidden?.code, hidden?.message].find((text) => typeof text === 'string') ?? message;
  const { origin, pathname } = new URL(url);
  return new RequestFailed(`${origin}${pathname}: ${fault}`, { cause: error });
}

function answered(status: number): string {
  const hint = status === 401 ? ', the credentials are not right' : '';
  return `answered ${String(status)}${hint}`;
}

/** The HTTP Basic credentials of a client, encoded as RFC 6749 §2.3.1 asks. */
export function basicAuthorization(clientId: string, clientSecret: string): string {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/**
 * The chunks of a body until `end` is aborted. Cancels the body by itself: on Node 20 a fetch that has lived through a garbage
 * collection does not hear its signal any more.
 */
async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
  end: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => undefined);
  end.addEventListener('abort', cancel);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (end.aborted) throw end.reason;
      if (done) return;
      yield value;
    }
  } finally {
    end.removeEventListener('abort', cancel);
    cancel();
  }
}

function failureAt(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = () => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}

async function readBytes(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new RequestFailed(`answer is larger than ${String(maxBytes)} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
