// The road from services to identity's service listener: it counts the key sets that are sent, and can be broken.
import { once } from 'node:events';
import { createServer, request } from 'node:http';

const KEY_SET = '/.well-known/jwks.json';
const FEED = '/revocations/feed';

export function countingRoad() {
  const sent = new Map();
  let frozen;
  let [isFrozen, forgetful, feedStopped] = [false, false, false];
  const servers = [];

  function forward(port, incoming, outgoing) {
    const headers = { ...incoming.headers };
    if (forgetful) delete headers['if-none-match'];
    const path = incoming.url;
    const onward = request(
      { host: '127.0.0.1', port, path, method: incoming.method, headers },
      (answer) => {
        const isKeySet = path === KEY_SET;
        if (!isKeySet) {
          outgoing.writeHead(answer.statusCode, answer.headers);
          answer.on('data', (part) => {
            if (!(feedStopped && path.startsWith(FEED))) outgoing.write(part);
          });
          answer.once('end', () => outgoing.end());
          answer.once('error', () => outgoing.destroy());
          return;
        }
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('end', () => {
          const body = Buffer.concat(parts);
          if (answer.statusCode === 200) sent.set(`${body}`, (sent.get(`${body}`) ?? 0) + 1);
          frozen ??= body;
          if (isFrozen) {
            outgoing.writeHead(200, { 'content-type': 'application/jwk-set+json' });
            outgoing.end(frozen);
            return;
          }
          outgoing.writeHead(answer.statusCode, answer.headers);
          outgoing.end(body);
        });
      },
    );
    onward.once('error', () => outgoing.destroy());
    outgoing.once('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  return {
    /** @returns a port that leads to `port` */
    async lead(port) {
      const server = createServer((incoming, outgoing) => forward(port, incoming, outgoing));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
      return server.address().port;
    },
    /** @returns how often each key set was sent */
    sent: () => new Map(sent),
    /** From now on everybody gets the first key set. */
    freezeKeySet: () => (isFrozen = true),
    /** Every question for the key set is answered in full. */
    forgetValidators: () => (forgetful = true),
    stopFeed: () => (feedStopped = true),
    async close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
