import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { endWithNextAnswer } from './retire-connections.js';

/** In a turn of the event loop that takes longer something may have come that it has not seen, milliseconds. */
const SHORT_TURN = 1;
/** For this share of its time at most the listener waits for a shorter one. */
const SHARE_OF_PATIENCE = 0.25;
const SWEEP_EVERY = 50;

const connections = new WeakMap<Server, Set<Socket>>();

/** Remembers a listener's connections from now on, so that {@link closeWithin} can cut those too that have not said anything yet. */
export function rememberConnections(server: Server): ReadonlySet<Socket> {
  const known = connections.get(server);
  if (known) return known;
  const open = new Set<Socket>();
  connections.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return open;
}

/**
 * Closes a listener gently: who has come is taken in, for a quarter of `ms` at most; then no new connections, idle ones dropped, requests under way
 * finished. What is still open after `ms` milliseconds is cut, whatever it is. Open streams must have been ended before.
 *
 * @param close what the framework has to close when the last connection is gone
 */
export async function closeWithin(
  server: Server,
  close: () => Promise<unknown>,
  ms: number,
): Promise<void> {
  const open = rememberConnections(server);
  const deadline = performance.now() + ms;
  endWithNextAnswer(server);
  await untilAllIsSeen(server, ms * SHARE_OF_PATIENCE);
  // A keep-alive connection that becomes idle after close() began would otherwise hold it until its time-out.
  const sweep = setInterval(() => {
    if (performance.now() < deadline) {
      server.closeIdleConnections();
      return;
    }
    server.closeAllConnections();
    for (const socket of open) socket.destroy();
  }, SWEEP_EVERY);
  try {
    await new Promise((resolve) => server.close(resolve));
  } finally {
    clearInterval(sweep);
  }
  await close();
}

/**
 * Until a turn of the event loop was short and brought nothing new: a connection that the system has taken for us, or a request that it
 * holds for us, is reset when we close without having looked, and a POST is nothing that a proxy may send once more.
 */
async function untilAllIsSeen(server: Server, patience: number): Promise<void> {
  let news = 0;
  const note = () => void (news += 1);
  server.on('connection', note);
  server.on('request', note);
  const limit = performance.now() + patience;
  // The rest of this turn, which may have looked before.
  await nextTurn();
  for (let began = performance.now(); began < limit; began = performance.now()) {
    const before = news;
    await nextTurn();
    if (news === before && performance.now() - began < SHORT_TURN) break;
  }
  server.off('connection', note);
  server.off('request', note);
}
