import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { RevocationReplica } from '@countersign/revocation';
import type { RevocableToken, RevocationEvent, RevocationKind } from '@countersign/revocation';
import type { FrameSink } from '@countersign/revocation-redis';
import { createRedis, giveUp, StreamWriter, WriteRefused } from '@countersign/revocation-redis';
import type { Redis } from 'ioredis';

const monotonicMs = () => performance.now();

/** A log of revocations in memory, and the writers that bring it to a stream. */
export class Truth {
  readonly events: RevocationEvent[] = [];
  readonly #open: Redis[] = [];
  epoch = 1;

  constructor(
    readonly url: string,
    private readonly ca?: string,
  ) {}

  get head() {
    return { epoch: this.epoch, seq: this.events.length };
  }

  revoke(id: string, kind: RevocationKind = 'sid', at = Date.now() / 1000): RevocationEvent {
    const { epoch } = this;
    const expiresAt = kind === 'kid' ? null : at + 420;
    const event = { epoch, seq: this.events.length + 1, kind, id, expiresAt, at };
    this.events.push(event);
    return event;
  }

  revokeMany(count: number, prefix: string): RevocationEvent[] {
    return Array.from({ length: count }, (_, index) => this.revoke(`${prefix}-${String(index)}`));
  }

  async connect(): Promise<Redis> {
    const redis = createRedis({ url: this.url, ca: this.ca, commandTimeoutMs: 5_000 });
    this.#open.push(redis);
    await redis.connect();
    return redis;
  }

  async writer(term: number): Promise<StreamWriter> {
    return new StreamWriter(await this.connect(), term, monotonicMs);
  }

  /** A writer that has written everything, and beats once. */
  async emitted(term: number, generation: number): Promise<StreamWriter> {
    const writer = await this.writer(term);
    await writer.adopt(this.head);
    await this.emitAll(writer, generation);
    return writer;
  }

  async emitAll(writer: StreamWriter, generation: number): Promise<void> {
    const { head } = this;
    await writer.begin(generation, head);
    for (let from = 0; from < this.events.length; from += 1_000) {
      await writer.append(this.events.slice(from, from + 1_000));
    }
    await writer.end(head);
    await this.beat(writer);
  }

  /** A heartbeat that a busy machine has brought too late is followed by the next one, as in production. */
  async beat(writer: StreamWriter, trimming?: Parameters<StreamWriter['heartbeat']>[2]) {
    for (let left = 5; left > 0; left -= 1) {
      try {
        await writer.heartbeat(this.heartbeat(), monotonicMs(), trimming);
        return;
      } catch (error) {
        const isLate = error instanceof WriteRefused && error.verdict === 'late';
        if (!isLate || left === 1) throw error;
      }
    }
  }

  heartbeat() {
    return { epoch: this.epoch, head: this.events.length, readAt: Date.now() / 1000, proof: 'p' };
  }

  close(): void {
    for (const redis of this.#open) giveUp(redis);
  }
}

/** A verifier's replica as a source sees it. */
export class Reader implements FrameSink {
  readonly replica = new RevocationReplica({ softMs: 10_000, hardMs: 60_000 });
  dropped = 0;
  longestTurnMs = 0;

  receive: FrameSink['receive'] = (frame) =>
    this.replica.receive(frame, { wallMs: Date.now(), monotonicMs: monotonicMs() });

  drop(): void {
    this.dropped += 1;
    this.replica.drop();
  }

  refuses(sessionId: string): boolean {
    return this.replica.isRevoked({ ...TOKEN, sessionId });
  }

  refusesKey(keyId: string): boolean {
    return this.replica.isRevoked({ ...TOKEN, keyId });
  }

  get isFresh(): boolean {
    return this.replica.freshness({ wallMs: Date.now(), monotonicMs: monotonicMs() }) === 'fresh';
  }
}

const TOKEN: RevocableToken = {
  tokenId: 'a-token',
  subject: 'somebody',
  clientId: 'a-client',
  keyId: 'a-key',
  issuedAt: 1_000,
};

/** Waits until `condition` holds. @throws {Error} after twenty seconds */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A way to a port of this machine that can be cut, or on which nothing comes back for a while. */
export async function startRoad(port: number) {
  const sockets = new Set<Socket>();
  const held: [far: Socket, near: Socket][] = [];
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
    }
    near.pipe(far).pipe(near);
    held.push([far, near]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    cut,
    mend: () => void (isCut = false),
    hold: () => held.forEach(([far, near]) => void far.unpipe(near).pause()),
    release: () => held.forEach(([far, near]) => void far.pipe(near)),
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
