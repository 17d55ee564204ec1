import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** What becomes of the questions of gateways on their way to identity. */
export type RoadState =
  'open' | 'slow' | 'down' | 'redirects' | 'fails' | 'names nobody' | 'gives an empty name';

const QUESTION = /^\/(?:forward-auth|auth-request)\b/;

/** The way to identity's service listener. Only what gateways ask is ever held up on it. */
export class Road {
  state: RoadState = 'open';

  private constructor(private readonly server: Server) {}

  static async start(port: number, destination: number): Promise<Road> {
    const server = createServer();
    const road = new Road(server);
    server.on('request', (incoming, outgoing) => {
      if (road.state !== 'open' && QUESTION.test(incoming.url ?? '')) road.#hinder(outgoing);
      else passOn(incoming, outgoing, destination);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return road;
  }

  #hinder(outgoing: ServerResponse): void {
    switch (this.state) {
      case 'down':
        outgoing.destroy();
        return;
      case 'redirects':
        outgoing.writeHead(302, { location: 'https://evil.example/', 'set-cookie': 'a=b' }).end();
        return;
      case 'fails':
        outgoing.writeHead(500, { 'content-type': 'text/html' }).end('<p>a stack trace</p>');
        return;
      case 'names nobody':
        outgoing.writeHead(200).end();
        return;
      case 'gives an empty name':
        outgoing.writeHead(200, { authorization: '' }).end();
        return;
      case 'slow':
      case 'open':
    }
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, port: number): void {
  const { method, url, rawHeaders } = incoming;
  const onward = request({
    host: '127.0.0.1',
    port,
    method,
    path: url,
    headers: rawHeaders,
    agent: false,
  });
  onward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    outgoing.flushHeaders();
    answer.on('error', () => outgoing.destroy()).pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}
