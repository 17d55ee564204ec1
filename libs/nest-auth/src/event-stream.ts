import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { ExecutionContext } from '@nestjs/common';
import type { AccessToken, TokenVerifier } from '@countersign/token-verifier';
import { staleRevocationsFor } from './allow-stale-revocations.js';
import { onAbort } from './on-abort.js';

/** Under this key `@Sse()` marks a handler, in Nest 11 and 12; they export it from different places. */
const SSE_METADATA = '__sse__';
/** How long a client that does not read may keep an ended stream open. */
const FLUSH_MS = 1_000;

/** Whether the handler answers with server-sent events. */
export function isEventStream(context: ExecutionContext): boolean {
  return Reflect.getMetadata(SSE_METADATA, context.getHandler()) === true;
}

/**
 * Ends the event stream that answers a request when the token of the request is revoked or expires, and closes its
 * connection, by which Nest learns of it and unsubscribes. The client reconnects, and is then refused.
 */
export function endStreamWithToken(
  verifier: TokenVerifier,
  token: AccessToken,
  context: ExecutionContext,
): void {
  const known = context.switchToHttp().getResponse<ServerResponse | { raw: ServerResponse }>();
  const response = 'raw' in known ? known.raw : known;
  if (response.destroyed) return;
  const over = new AbortController();
  let events: Readable | undefined;
  response.once('pipe', (source: Readable) => (events = source));
  response.once('close', () => over.abort());
  const request = context.switchToHttp().getRequest<object>();
  const staleRevocations = staleRevocationsFor(request);
  const ended = verifier.watch(token, { until: over.signal, staleRevocations });
  onAbort(ended, () => endStream(response, events));
}

function endStream(response: ServerResponse, events: Readable | undefined): void {
  if (!response.headersSent) {
    response.destroy();
    return;
  }
  // What is written after the end would be an error that nobody handles.
  events?.unpipe(response);
  const giveUp = setTimeout(() => response.destroy(), FLUSH_MS).unref();
  response.once('close', () => clearTimeout(giveUp));
  const { socket, req } = response;
  response.end(() => {
    // A connection of HTTP/2 carries other streams as well.
    if (req.httpVersionMajor < 2) socket?.destroySoon();
  });
}
