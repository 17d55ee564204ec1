/** Limits of one request to identity. */
export interface FetchLimits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** The part of `fetch` that the verifier needs. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A request to identity that did not give a usable answer. The message names the URL's path and the fault. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
}

/**
 * Fetches a JSON document: no redirects, status 200 only, bounded in time and size.
 *
 * @throws {RequestFailed}
 */
export async function fetchJson(
  fetch: Fetch,
  url: string,
  limits: FetchLimits,
  init: RequestInit = {},
): Promise<unknown> {
  const path = new URL(url).pathname;
  const signal = AbortSignal.timeout(limits.timeoutMs);
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new RequestFailed(`${path} answered ${String(response.status)}`);
    }
    return JSON.parse(await readText(response, limits.maxBytes));
  } catch (error) {
    throw asRequestFailed(error, path);
  }
}

/** Wraps whatever went wrong with a request for `path`. */
export function asRequestFailed(error: unknown, path: string): RequestFailed {
  if (error instanceof RequestFailed) return error;
  const { name, message, cause } = error as Error;
  // fetch hides what the socket said ("ECONNREFUSED") in its cause.
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  const fault = name === 'TimeoutError' ? 'timed out' : typeof code === 'string' ? code : message;
  return new RequestFailed(`${path}: ${fault}`, { cause: error });
}

/** The HTTP Basic credentials of a client, encoded as RFC 6749 §2.3.1 asks. */
export function basicAuthorization(clientId: string, clientSecret: string): string {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new RequestFailed(`answer is larger than ${String(maxBytes)} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
