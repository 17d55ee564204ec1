import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { traceHeaders } from '@countersign/service-host';

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

/**
 * Makes a {@link PostJson} on connections that are kept open. What is asked may be asked twice: when such a connection turns out to
 * be closed, it is.
 */
export function postJsonTo(options: PostJsonOptions): PostJson & { close(): void } {
  const settings = { keepAlive: true, maxSockets: options.maxConnections };
  const isPlain = new URL(options.url).protocol === 'http:';
  const agent = isPlain ? new HttpAgent(settings) : new HttpsAgent(settings);
  const send = async (body: string, signal: AbortSignal) => {
    const request = isPlain ? requestHttp : requestHttps;
    const asking = request(options.url, {
      method: 'POST',
      agent,
      signal,
      headers: {
        ...traceHeaders(),
        authorization: options.authorization,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        asking.once('response', resolve).once('error', reject).end(body);
      });
      return {
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        body: parsed(await textOf(answer)),
      };
    } catch (error) {
      throw asking.reusedSocket && !signal.aborted ? new ClosedConnection(error) : error;
    }
  };
  const post = async (body: string) => {
    const signal = AbortSignal.timeout(options.timeoutMs);
    for (;;) {
      try {
        return await send(body, signal);
      } catch (error) {
        // A new connection is never taken for a closed one, so this ends.
        if (!(error instanceof ClosedConnection)) throw error;
      }
    }
  };
  return Object.assign(post, { close: () => agent.destroy() });
}

class ClosedConnection extends Error {
  constructor(cause: unknown) {
    super('the connection was closed', { cause });
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
