import { Client } from 'pg';

/**
 * Calls `onWake` whenever `channel` is notified, with what the notification says, and without anything whenever the connection is
 * made: some may have been missed until then. A connection of its own, since LISTEN belongs to a session; when it is
 * lost it is made again. Only a hint: who listens must also look by itself from time to time.
 */
export class ListeningConnection {
  #client: Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly databaseUrl: string,
    private readonly channel: string,
    private readonly onWake: (payload?: string) => void,
  ) {}

  async start(): Promise<void> {
    const client = new Client({
      connectionString: this.databaseUrl,
      application_name: `countersign listen ${this.channel}`,
    });
    this.#client = client;
    const lost = () => this.#startAgainLater(client);
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => this.onWake(payload));
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(this.channel)}`);
      this.onWake();
    } catch {
      lost();
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    // Not waited for: a server that does not answer would hold up the stop.
    this.#client?.end().catch(() => undefined);
  }

  #startAgainLater(client: Client): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    client.removeAllListeners('notification');
    client.end().catch(() => undefined);
    this.#retry = setTimeout(() => void this.start(), 1_000);
  }
}
