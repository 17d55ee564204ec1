// What the benchmarks that talk to services ask with: connections that are kept alive.
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 256, noDelay: true });

/** @returns status, headers and body */
export function ask(port, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method, headers, agent },
      (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('end', () =>
          resolve({
            status: answer.statusCode,
            headers: answer.headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
        answer.once('error', reject);
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

export const bearer = (token) => ({ authorization: `Bearer ${token}` });
export const closeConnections = () => agent.destroy();
