import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** What came back on a connection. */
export interface Exchange {
  readonly text: string;
  /** The status of each answer, in turn. */
  readonly statuses: readonly number[];
  /** Whether the server has closed the connection. */
  readonly isClosed: boolean;
  /** From the first byte that was sent, or from connecting when none was. */
  readonly ms: number;
}

/** How long nothing more must come before an exchange counts as over. */
const QUIET_MS = 500;
/** How long the first byte of an answer may take: a machine that is busy is no server that says nothing. */
const FIRST_MS = 15_000;

/**
 * Opens a connection on which nothing is an error: whoever attacks is not surprised by a reset.
 *
 * @param allowHalfOpen whether to go on when the server has said its last
 */
export function open(port: number, allowHalfOpen = false): Socket {
  return connect({ port, host: '127.0.0.1', allowHalfOpen }).on('error', () => undefined);
}

/** Sends exactly these bytes (latin1) and gives what comes back until the server closes, or falls silent. */
export function exchange(port: number, bytes: string, quietMs = QUIET_MS): Promise<Exchange> {
  const socket = open(port);
  const over = answersOn(socket, quietMs, FIRST_MS);
  socket.write(bytes, 'latin1');
  return over;
}

/** Sends a beginning, and then one byte at a time until the server has had enough of it. */
export function dribble(socket: Socket, beginning: string, everyMs: number): Promise<Exchange> {
  socket.write(beginning, 'latin1');
  const timer = setInterval(() => socket.write('a'), everyMs);
  return answersOn(socket).finally(() => clearInterval(timer));
}

/**
 * Everything that comes on a connection, until it is closed or, when `quietMs` is given, silent for so long; before the first
 * byte for `firstMs`.
 */
export function answersOn(socket: Socket, quietMs?: number, firstMs = quietMs): Promise<Exchange> {
  const start = performance.now();
  return new Promise((resolve) => {
    let text = '';
    let quiet: NodeJS.Timeout | undefined;
    const end = (isClosed: boolean) => {
      clearTimeout(quiet);
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
      resolve({ text, statuses, isClosed, ms: performance.now() - start });
      socket.destroy();
    };
    const wait = (ms: number | undefined) => {
      clearTimeout(quiet);
      if (ms !== undefined) quiet = setTimeout(() => end(false), ms);
    };
    wait(firstMs);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      wait(quietMs);
    });
    socket.on('close', () => end(true));
  });
}
