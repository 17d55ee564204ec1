import { Inject, Injectable } from '@nestjs/common';
import { Gauge, OutageLog } from '@countersign/service-host';
import type { Logger, Registry } from '@countersign/service-host';
import { IdentityConfig } from '../config/identity-config.js';
import { ListeningConnection } from '../platform/listening-connection.js';
import { LOGGER, METRICS } from '../platform/platform.module.js';
import { KeyRing } from './key-ring.js';
import { KeyRotation } from './key-rotation.js';
import type { RotationTurn } from './key-rotation.js';
import type { Waiting } from './rotation-plan.js';
import { KEY_RING_CHANNEL } from './rotation-steps.js';

/** How often a replica looks for changes that it was not told of, and for what is to be done, milliseconds. */
const INTERVALS = { followMs: 500, turnMs: 5_000 };
/** For so long after a revocation no key is made: that takes the processor, and what was revoked is on its way. Milliseconds. */
const DELIVERED_WITHIN_MS = 2_000;

/** Keeps this replica's key ring up with the database, and the database in line with the plan. Every replica does both. */
@Injectable()
export class RotationDriver {
  readonly #follow: Coalesced;
  readonly #turn: Coalesced;
  readonly #listening: ListeningConnection;
  readonly #timers: NodeJS.Timeout[] = [];
  #overdue: Waiting | null = null;
  #soon: NodeJS.Timeout | undefined;

  constructor(
    config: IdentityConfig,
    private readonly ring: KeyRing,
    private readonly rotation: KeyRotation,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) metrics: Registry,
  ) {
    const stale = {
      fails: 'the key ring is stale',
      worksAgain: 'the key ring is up to date again',
    };
    this.#follow = new Coalesced(() => ring.follow(), new OutageLog(logger, stale));
    const still = { fails: 'keys do not rotate', worksAgain: 'keys rotate again' };
    this.#turn = new Coalesced(() => this.#takeTurn(), new OutageLog(logger, still));
    this.#listening = new ListeningConnection(config.DATABASE_URL, KEY_RING_CHANNEL, () =>
      this.#follow.run(),
    );
    const overdue = () => this.#overdue;
    new Gauge({
      name: 'countersign_key_activation_overdue',
      help: 'Whether the next signing key is held back past its deadline, because instances have not reported it',
      registers: [metrics],
      collect() {
        this.set(overdue() ? 1 : 0);
      },
    });
  }

  async start({ followMs, turnMs } = INTERVALS): Promise<void> {
    await this.#listening.start();
    this.#timers.push(
      setInterval(() => this.#follow.run(), followMs),
      setInterval(() => {
        if (this.#soon === undefined) this.#turn.run();
      }, turnMs),
    );
  }

  /** After a key was revoked: takes the next turn, which prepares another, in a moment, and none until then. */
  turnSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#turn.run();
    }, DELIVERED_WITHIN_MS).unref();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#soon);
    this.#listening.close();
    await Promise.all([this.#follow.ended(), this.#turn.ended()]);
  }

  async #takeTurn(): Promise<void> {
    this.take(await this.rotation.turn());
  }

  /** Notes what a turn did and what is waited for, and says so in the log. For turns that others took, too. */
  take(turn: RotationTurn): void {
    this.ring.noteNextChange(turn.plan.nextChangeIn);
    this.#report(turn);
  }

  #report({ plan: { waiting }, applied }: RotationTurn): void {
    for (const step of applied) {
      if (step.do === 'activate' && step.despite.length > 0) {
        this.logger.error(
          { kid: step.kid, behind: step.despite },
          'a key signs now that not every instance has reported',
        );
      } else {
        this.logger.info(step, 'the signing keys have changed');
      }
    }
    const overdue = waiting?.overdue ? waiting : null;
    if (overdue && !this.#overdue) {
      this.logger.error(
        { kid: overdue.kid, behind: overdue.behind },
        'the next signing key is held back past its deadline: not every instance has reported it',
      );
    }
    this.#overdue = overdue;
  }
}

/** Runs one at a time; whoever asks meanwhile is served by one more run. */
class Coalesced {
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(
    private readonly work: () => Promise<void>,
    private readonly outages: OutageLog,
  ) {}

  run(): void {
    this.#wanted = true;
    this.#running ??= this.#runWhileWanted().finally(() => (this.#running = undefined));
  }

  async ended(): Promise<void> {
    this.#wanted = false;
    await this.#running;
  }

  async #runWhileWanted(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false;
      await this.work().then(
        () => this.outages.worked(),
        (error: unknown) => this.outages.failed(error),
      );
    }
  }
}
