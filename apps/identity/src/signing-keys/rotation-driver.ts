import { Inject, Injectable } from '@nestjs/common';
import { Gauge } from '@countersign/service-host';
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
const INTERVALS = { followMs: 1_000, turnMs: 5_000 };

/** Keeps this replica's key ring up with the database, and the database in line with the plan. Every replica does both. */
@Injectable()
export class RotationDriver {
  readonly #follow = new Coalesced(() => this.ring.follow(), this.#failed('the key ring is stale'));
  readonly #turn = new Coalesced(() => this.#takeTurn(), this.#failed('keys do not rotate'));
  readonly #listening: ListeningConnection;
  readonly #timers: NodeJS.Timeout[] = [];
  #overdue: Waiting | null = null;

  constructor(
    config: IdentityConfig,
    private readonly ring: KeyRing,
    private readonly rotation: KeyRotation,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) metrics: Registry,
  ) {
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
      setInterval(() => this.#turn.run(), turnMs),
    );
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#listening.close();
    await Promise.all([this.#follow.ended(), this.#turn.ended()]);
  }

  async #takeTurn(): Promise<void> {
    const turn = await this.rotation.turn();
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

  #failed(message: string): (error: unknown) => void {
    return (error) => this.logger.warn({ err: error }, message);
  }
}

/** Runs one at a time; whoever asks meanwhile is served by one more run. */
class Coalesced {
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(
    private readonly work: () => Promise<void>,
    private readonly failed: (error: unknown) => void,
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
      await this.work().catch(this.failed);
    }
  }
}
