import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a relying service was sent. */
export interface Echoed {
  readonly method: string;
  readonly url: string;
  /** Lower-case names, and values, in turn. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** As headers, after the body. */
  readonly trailers: readonly string[];
}

/** What an answer is to say of caches stands in its path. */
const CACHE_CONTROL = /^\/orders\/kept\/([^?]*)/;

/** An upstream that remembers what it was sent by the `n` of the query, and answers as careless services do. */
export class EchoUpstream {
  readonly #received = new Map<string, Echoed>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<EchoUpstream> {
    const server = createServer();
    const echo = new EchoUpstream(server);
    server.on('request', (request, response) => {
      // A gateway that turns a request away half-way ends it here too.
      void text(request).then(
        (body) => {
          echo.#remember(request, body);
          response.setHeader('set-cookie', '__Host-countersign-session=evil; Path=/; Secure');
          response.setHeader('authorization', request.headers.authorization ?? '');
          response.setHeader('proxy-authenticate', 'Basic realm="evil"');
          response.setHeader('clear-site-data', '"cookies", "evil"');
          response.setHeader('access-control-allow-origin', 'https://evil.example');
          response.setHeader('access-control-expose-headers', 'x-evil');
          const kept = CACHE_CONTROL.exec(request.url ?? '')?.[1];
          if (kept) response.setHeader('cache-control', decodeURIComponent(kept));
          if (request.method === 'TRACE') {
            response.end(request.rawHeaders.join('\n'));
            return;
          }
          if (request.url?.startsWith('/orders/slow')) return;
          if (request.url?.startsWith('/orders/points-inside')) {
            response.setHeader('x-accel-redirect', '/_forward_auth');
          }
          const special = request.url?.startsWith('/orders/of-others');
          if (special) {
            response.writeHead(403, {
              'content-type': 'application/problem+json',
              'www-authenticate': 'Bearer error="insufficient_scope", scope="orders:write"',
            });
          } else if (request.url?.startsWith('/orders/broken')) {
            response.writeHead(500, { 'content-type': 'application/json' });
          }
          response.end(JSON.stringify(special ? { code: 'insufficient_scope' } : { fine: true }));
        },
        () => undefined,
      );
    });
    server.on('upgrade', (request, socket) => {
      echo.#remember(request, '');
      // RFC 6455 §4.2.2; HAProxy looks.
      const key = `${request.headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return echo;
  }

  get host(): string {
    return `127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  received(n: string): Echoed | undefined {
    return this.#received.get(n);
  }

  /** All that was asked for. */
  paths(): readonly string[] {
    return [...this.#received.values()].map(({ url }) => url);
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  #remember(
    { method = '', url = '', rawHeaders, rawTrailers: trailers }: IncomingMessage,
    body: string,
  ): void {
    const n = new URL(url, 'http://echo').searchParams.get('n') ?? '';
    const headers = rawHeaders.flatMap((value, index) =>
      index % 2 === 0 ? [[value.toLowerCase(), rawHeaders[index + 1] ?? ''] as const] : [],
    );
    this.#received.set(n, { method, url, headers, body, trailers });
  }
}
