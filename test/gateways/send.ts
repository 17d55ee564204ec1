import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A request, byte for byte: header lines as they are written, also twice the same. `Host` and `Connection` are added. */
export interface Sent {
  readonly method?: string;
  readonly target: string;
  /** Instead of 1.1. */
  readonly version?: string;
  readonly headers?: readonly string[];
  /** Sent with its length, or in chunks when `chunked`. */
  readonly body?: Buffer | string;
  readonly chunked?: boolean;
  /** Header lines after the last chunk. */
  readonly trailers?: readonly string[];
  /** Instead of `Connection: close`. */
  readonly connection?: string;
}

export interface Received {
  readonly status: number;
  /** Lower-case names, and values, in turn. */
  readonly headers: readonly (readonly [string, string])[];
  /** Everything, as it came. */
  readonly raw: string;
  /** `code` of the problem document; empty without one. */
  readonly code: string;
}

const PIECE = 16 * 1024;
/** What is larger waits for an answer after its head, as curl does. */
const LARGE = 1024 * 1024;
const CONTINUE_MS = 1_000;
const CAREFUL_PIECES = 12;
const CAREFUL_MS = 50;
const PATIENCE_MS = 30_000;

/** Sends a request as no client library would, and reads the answer. */
export async function send(origin: string, sent: Sent): Promise<Received> {
  const { hostname, port, host } = new URL(origin);
  const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
  let raw = '';
  socket.on('data', (text: string) => {
    raw += text;
    if (isWhole(raw)) socket.end();
  });
  // A server that has answered need not read the rest.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  socket.write(headOf(sent, host));
  // Slowly at first: a server that says no and closes takes its answer back from who goes on sending.
  const answered = new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
  const wait = (ms: number) => Promise.race([answered, delay(ms)]);
  if (!sent.chunked && Buffer.byteLength(sent.body ?? '') > LARGE) await wait(CONTINUE_MS);
  let pieces = 0;
  for (const piece of piecesOf(sent)) {
    if (raw !== '' || socket.destroyed) break;
    socket.write(piece);
    await wait((pieces += 1) <= CAREFUL_PIECES ? CAREFUL_MS : 0);
  }
  await closed;
  return parse(raw);
}

/** Whether an answer is there to its end, or opens another protocol. */
function isWhole(raw: string): boolean {
  const end = raw.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (raw.startsWith('HTTP/1.1 101 ')) return true;
  const length = /^content-length: (\d+)/im.exec(raw.slice(0, end))?.[1];
  return length === undefined
    ? raw.endsWith('\r\n0\r\n\r\n')
    : raw.length >= end + 4 + Number(length);
}

function headOf(
  { method = 'GET', target, version = '1.1', headers = [], body, chunked, connection }: Sent,
  host: string,
) {
  const length = chunked
    ? ['Transfer-Encoding: chunked']
    : body === undefined && method === 'GET'
      ? []
      : [`Content-Length: ${String(Buffer.byteLength(body ?? ''))}`];
  const lines = [`Host: ${host}`, `Connection: ${connection ?? 'close'}`, ...length, ...headers];
  return `${method} ${target} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n`;
}

function* piecesOf({ body, chunked, trailers = [] }: Sent): Generator<Buffer | string> {
  if (body === undefined) return;
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    if (!chunked) yield piece;
    else
      yield Buffer.concat([
        Buffer.from(`${piece.length.toString(16)}\r\n`),
        piece,
        Buffer.from('\r\n'),
      ]);
  }
  if (chunked) yield ['0', ...trailers, '', ''].join('\r\n');
}

function parse(raw: string): Received {
  const [head = ''] = raw.split('\r\n\r\n', 1);
  const [first = '', ...lines] = head.split('\r\n');
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0),
    headers: lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
    }),
    raw,
    code: /"code":"(\w+)"/.exec(raw)?.[1] ?? '',
  };
}
