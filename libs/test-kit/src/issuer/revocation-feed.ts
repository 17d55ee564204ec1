import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatPosition, parsePosition } from '@countersign/revocation';
import type { HeartbeatJson } from '@countersign/revocation';
import type { TestRevocations } from './test-revocations.js';

const HEARTBEAT_MS = 1_000;
/** Small, so that tests see more than one page. */
const PAGE_SIZE = 50;

/**
 * Answers with one page of the snapshot as NDJSON. The cursor `head.after` holds the head that the first page announced,
 * so that all pages tell one story.
 */
export function sendSnapshotPage(
  revocations: TestRevocations,
  url: URL,
  response: ServerResponse,
): void {
  const { epoch } = revocations;
  const cursor = /^(\d+)\.(\d+)$/.exec(url.searchParams.get('cursor') ?? '');
  const head = cursor ? Number(cursor[1]) : revocations.head;
  const after = cursor ? Number(cursor[2]) : 0;
  const upTo = Math.min(after + PAGE_SIZE, head);
  const lines: unknown[] = [
    ...(cursor ? [] : [{ type: 'begin', epoch, after: 0, head }]),
    ...revocations.between(after, upTo).map((event) => ({ type: 'revocation', ...event })),
    upTo < head
      ? { type: 'page', next_cursor: `${String(head)}.${String(upTo)}` }
      : { type: 'end', epoch, head },
  ];
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/**
 * Follows the log as server-sent events: what came after `Last-Event-ID`, then what happens, and a heartbeat each second.
 *
 * @returns how to say goodbye and end the stream
 */
export function followRevocations(
  revocations: TestRevocations,
  request: IncomingMessage,
  response: ServerResponse,
): () => void {
  const send = (event: string, seq: number, data: object) => {
    const id = formatPosition({ epoch: revocations.epoch, seq });
    response.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const beat = () => send('heartbeat', revocations.head, heartbeat(revocations));
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const { epoch, head } = revocations;
  const after = revocations.resumeAfter(parsePosition(String(request.headers['last-event-id'])));
  send('begin', after, { epoch, after, head });
  for (const event of revocations.between(after, head)) send('revocation', event.seq, event);
  send('end', head, { epoch, head });
  beat();
  const stopListening = revocations.listen((event) => send('revocation', event.seq, event));
  const beating = setInterval(beat, HEARTBEAT_MS);
  response.once('close', () => {
    clearInterval(beating);
    stopListening();
  });
  return () => {
    send('goodbye', revocations.head, {});
    response.end();
  };
}

function heartbeat({ epoch, head }: TestRevocations): HeartbeatJson {
  return {
    epoch,
    head,
    read_at: Date.now() / 1000,
    proof: `proof-of-${String(epoch)}-${String(head)}`,
  };
}
