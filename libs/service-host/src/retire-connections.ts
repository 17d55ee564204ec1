import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Goes on serving for `ms` milliseconds, and closes every connection after its next answer (RFC 9112 §9.6). So whoever routes
 * here can notice that this process is not ready any more and connect elsewhere, before a listener closes under a request that
 * is on its way. Streams stay open.
 */
export async function retireConnections(servers: readonly Server[], ms: number): Promise<void> {
  if (ms === 0) return;
  for (const server of servers) endWithNextAnswer(server);
  await delay(ms);
}

/** Lets each connection of a listener end with its next answer. */
export function endWithNextAnswer(server: Server): void {
  server.prependListener('request', (_request, response) => {
    response.setHeader('connection', 'close');
  });
}
