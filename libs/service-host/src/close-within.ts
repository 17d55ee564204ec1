import type { Server } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** In a turn of the event loop that takes longer something may have come that it has not seen, milliseconds. */
const SHORT_TURN = 1;
/** For so long at most the loop is waited for, milliseconds. */
const PATIENCE = 1_000;

/**
 * Closes a listener gently: no new connections, idle ones dropped, requests under way finished; what is still open after
 * `ms` milliseconds is cut. Open streams must have been ended before.
 *
 * @param close what the framework has to close when the last connection is gone
 */
export async function closeWithin(
  server: Server,
  close: () => Promise<unknown>,
  ms: number,
): Promise<void> {
  const limit = setTimeout(() => server.closeAllConnections(), ms);
  server.prependListener('request', (_request, response) => {
    response.setHeader('connection', 'close');
  });
  await untilAllIsSeen(server);
  // A keep-alive connection that becomes idle after close() began would otherwise hold it until its time-out.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  try {
    await new Promise((resolve) => server.close(resolve));
  } finally {
    clearTimeout(limit);
    clearInterval(sweep);
  }
  await close();
}

/**
 * Until a turn of the event loop was short and brought nothing new: a connection that the system has taken for us, or a request that it
 * holds for us, is reset when we close without having looked, and a POST is nothing that a proxy may send once more.
 */
async function untilAllIsSeen(server: Server): Promise<void> {
  let news = 0;
  const note = () => void (news += 1);
  server.on('connection', note);
  server.on('request', note);
  const limit = performance.now() + PATIENCE;
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
