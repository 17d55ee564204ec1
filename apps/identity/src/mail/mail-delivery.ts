import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, OutageLog } from '@countersign/service-host';
import type { Logger, Registry } from '@countersign/service-host';
import { LOGGER, METRICS } from '../platform/platform.module.js';
import { Mailer, RecipientRefused } from './mailer.js';
import { Outbox } from './outbox.js';
import type { ClaimedMessage } from './outbox.js';

const EVERY_MS = 500;
/** After a run in which nothing could be sent, or the database was away. */
const AFTER_TROUBLE_MS = 5_000;
const AT_ONCE = 8;
/** One try. Shorter than the claim on a message. */
const TRY_MS = 60_000;
/** How long what is being sent is waited for at the end. */
const STOP_MS = 3_000;

/** When to try again after so many tries, seconds: 5, 10, 20 … ten minutes. */
export function backOffSeconds(attempts: number): number {
  return Math.min(5 * 2 ** (attempts - 1), 600);
}

/** Sends what is in the outbox; every replica does, each other messages. */
@Injectable()
export class MailDelivery {
  #next: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  readonly #outcomes: Counter<'outcome'>;
  readonly #outages: OutageLog;

  constructor(
    private readonly outbox: Outbox,
    private readonly mailer: Mailer,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) metrics: Registry,
  ) {
    this.#outcomes = new Counter({
      name: 'countersign_mails_total',
      help: 'Messages sent, tried in vain, refused by the server for their recipient, given up',
      labelNames: ['outcome'],
      registers: [metrics],
    });
    measureWaiting(metrics, outbox);
    this.#outages = new OutageLog(logger, {
      fails: 'the outbox could not be read',
      worksAgain: 'the outbox is read again',
    });
  }

  start(): void {
    this.#schedule(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#next);
    await Promise.race([this.#running, delay(STOP_MS, undefined, { ref: false })]);
    this.mailer.close();
  }

  /** Sends all that is due, until a whole batch fails. @returns whether there was no trouble */
  async deliverDue(): Promise<boolean> {
    const givenUp = await this.outbox.giveUp();
    if (givenUp > 0) {
      this.#outcomes.inc({ outcome: 'given_up' }, givenUp);
      this.logger.error({ messages: givenUp }, 'messages were given up: nobody will get them');
    }
    for (;;) {
      const claimed = this.#stopped ? [] : await this.outbox.claim(AT_ONCE);
      if (claimed.length === 0) return true;
      const done = await Promise.all(claimed.map((message) => this.#deliver(message)));
      if (!done.includes(true)) return false;
    }
  }

  /** @returns whether it is over with this message */
  async #deliver(claimed: ClaimedMessage): Promise<boolean> {
    const { id, attempts } = claimed;
    try {
      await within(TRY_MS, this.mailer.send(claimed.open(), id));
      await this.outbox.remove(id);
      this.#outcomes.inc({ outcome: 'sent' });
      return true;
    } catch (error) {
      if (error instanceof RecipientRefused) {
        await this.outbox.remove(id);
        this.#outcomes.inc({ outcome: 'refused' });
        this.logger.warn({ id }, 'a message was refused for its recipient');
        return true;
      }
      this.#outcomes.inc({ outcome: 'failed' });
      this.logger.warn({ id, attempts, ...reasonOf(error) }, 'a message could not be sent');
      await this.outbox.postpone(claimed, backOffSeconds(attempts));
      return false;
    }
  }

  async #deliverUnlessAway(): Promise<boolean> {
    try {
      const well = await this.deliverDue();
      this.#outages.worked();
      return well;
    } catch (error) {
      this.#outages.failed(error);
      return false;
    }
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    this.#next = setTimeout(() => {
      this.#running = this.#deliverUnlessAway().then((well) =>
        this.#schedule(well ? EVERY_MS : AFTER_TROUBLE_MS),
      );
    }, ms);
  }
}

/** What may be told: a server's own words could hold an address. */
function reasonOf(error: unknown): Record<string, unknown> {
  const { name, code, responseCode, command } = error as Record<string, unknown>;
  return { reason: name, code, responseCode, command };
}

async function within(ms: number, sending: Promise<void>): Promise<void> {
  const over = new AbortController();
  const late = delay(ms, undefined, { ref: false, signal: over.signal }).then(() => {
    throw new Error('it took too long');
  });
  // Its end by the abort is nobody's concern.
  late.catch(() => undefined);
  try {
    await Promise.race([sending, late]);
  } finally {
    over.abort();
  }
}

function measureWaiting(metrics: Registry, outbox: Outbox): void {
  const gauge = (name: string, help: string, read: () => Promise<number>) =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        this.set(await read().catch(() => Number.NaN));
      },
    });
  gauge(
    'countersign_mails_waiting',
    'Messages in the outbox',
    async () => (await outbox.waiting()).messages,
  );
  gauge(
    'countersign_mails_oldest_seconds',
    'How long the oldest message in the outbox has waited',
    async () => (await outbox.waiting()).oldestSeconds,
  );
}
