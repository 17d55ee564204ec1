import type { Server } from 'node:net';
import { Counter } from './metrics.js';
import type { Registry } from './metrics.js';

const NAME = 'countersign_connections_refused_total';

/** Keeps at most `most` connections open on each of these servers; one more is closed unanswered, and counted. */
export function limitConnections(
  servers: readonly Server[],
  most: number,
  metrics: Registry,
): void {
  const refused =
    (metrics.getSingleMetric(NAME) as Counter | undefined) ??
    new Counter({
      name: NAME,
      help: 'Connections closed unanswered, since MAX_CONNECTIONS were open on their listener',
      registers: [metrics],
    });
  for (const server of servers) {
    server.maxConnections = most;
    server.on('drop', () => refused.inc());
  }
}
