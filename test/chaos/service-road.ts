import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';

/** One request on the road, by whom and where to. */
export interface Traveller {
  /** The id of the relying service, from its credentials; empty without. */
  readonly service: string;
  readonly path: string;
}

/**
 * What lies between relying services and the replicas of identity: a balancer in front of the service listeners, that can
 * be closed to some of the traffic.
 */
export class ServiceRoad {
  readonly #open = new Map<Traveller, IncomingMessage['socket']>();
  #closedTo: (traveller: Traveller) => boolean = () => false;
  #held:
    { readonly fits: (traveller: Traveller) => boolean; readonly begun: () => void } | undefined;
  #turn = 0;

  private constructor(
    private readonly server: Server,
    /** Ports of service listeners. One that does not answer is passed over. */
    private readonly replicas: readonly number[],
  ) {}

  static async open(port: number, replicas: readonly number[]): Promise<ServiceRoad> {
    const server = createServer();
    const road = new ServiceRoad(server, replicas);
    server.on('request', (incoming, outgoing) => {
      road.#pass(incoming, outgoing);
    });
    server.listen(port, 'localhost');
    await once(server, 'listening');
    return road;
  }

  /** Breaks what fits, now and until the next call. */
  closeTo(closed: (traveller: Traveller) => boolean): void {
    this.#closedTo = closed;
    for (const [traveller, socket] of this.#open) if (closed(traveller)) socket.destroy();
  }

  /** Stops the next answer that fits in its middle, for ever. @returns once it has come so far */
  holdNext(fits: (traveller: Traveller) => boolean): Promise<void> {
    return new Promise((begun) => {
      this.#held = { fits, begun };
    });
  }

  openToAll(): void {
    this.closeTo(() => false);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const traveller = { service: serviceOf(incoming), path: incoming.url ?? '' };
    if (this.#closedTo(traveller)) {
      incoming.socket.destroy();
      return;
    }
    this.#open.set(traveller, incoming.socket);
    outgoing.once('close', () => this.#open.delete(traveller));
    const body: Buffer[] = [];
    incoming.on('data', (part: Buffer) => body.push(part));
    incoming.once('end', () => {
      this.#turn += 1;
      const held = this.#held?.fits(traveller) ? this.#held : undefined;
      if (held) this.#held = undefined;
      const triesLeft = this.replicas.length;
      this.#forward(incoming, outgoing, Buffer.concat(body), triesLeft, held?.begun);
    });
  }

  #forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer,
    triesLeft: number,
    stopped?: () => void,
  ): void {
    const port = this.replicas[(this.#turn + triesLeft) % this.replicas.length];
    const { method, url, headers } = incoming;
    const onward = request({ host: 'localhost', port, method, path: url, headers, agent: false });
    onward.once('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      if (stopped) {
        answer.once('data', (part: Buffer) => {
          answer.pause();
          outgoing.write(part.subarray(0, part.length / 2), stopped);
        });
      } else answer.pipe(outgoing);
      answer.once('error', () => outgoing.destroy());
    });
    onward.once('error', () => {
      if (outgoing.headersSent || triesLeft <= 1) incoming.socket.destroy();
      else this.#forward(incoming, outgoing, body, triesLeft - 1, stopped);
    });
    outgoing.once('close', () => onward.destroy());
    onward.end(body);
  }
}

function serviceOf({ headers }: IncomingMessage): string {
  const [scheme, credentials = ''] = (headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'basic') return '';
  return Buffer.from(credentials, 'base64').toString().split(':')[0] ?? '';
}
