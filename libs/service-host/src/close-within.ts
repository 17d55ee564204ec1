import type { Server } from 'node:http';

/**
 * Closes a listener gently: no new connections, idle ones dropped, requests under way finished; what is still open after
 * `ms` milliseconds is cut. Open streams must have been ended before.
 *
 * @param close the framework's own close, which resolves when the last connection is gone
 */
export async function closeWithin(
  server: Server,
  close: () => Promise<unknown>,
  ms: number,
): Promise<void> {
  const limit = setTimeout(() => server.closeAllConnections(), ms);
  // A keep-alive connection that becomes idle after close() began would otherwise hold it until its time-out.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  try {
    await close();
  } finally {
    clearTimeout(limit);
    clearInterval(sweep);
  }
}
