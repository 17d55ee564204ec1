import { DomainError } from '../platform/domain-error.js';
import type { Pace } from '../sessions/admission/pace.js';

export interface FindingOutSettings {
  /** How many may be asked about in the database at once; others wait for their turn. */
  readonly atOnce: number;
  /** Of those that go by the pace, how many may be under way, those that wait included; more are turned away. */
  readonly maxUnderWay: number;
}

/** What is being found out about one cookie, for all who ask meanwhile. */
interface Finding<T> {
  readonly sid: string;
  readonly token: Promise<T>;
  /** The session's cookie is another one since: the outcome is not to be remembered. */
  renewed: boolean;
}

/** Whose turn it is next: those of whom something is known come before those who go by the pace. */
type Turn = 'known' | 'paced';

/** How one that asks is served. */
export interface Served<T> {
  readonly by: 'joining others' | 'finding out';
  readonly token: Promise<T>;
}

/**
 * Finds out about cookies in the database: about each once, however many ask; few at once, so that log-outs and sign-ins find a free
 * connection; and at a steady pace about those of which nothing is known, so that a crowd whose tokens all died together comes
 * back spread out. The others go first, and are never turned away: however much junk there is, whoever is known goes on.
 */
export class FindingOut<T> {
  readonly #underWay = new Map<string, Finding<T>>();
  readonly #waiting: Record<Turn, (() => void)[]> = { known: [], paced: [] };
  #pacedUnderWay = 0;
  #free: number;

  constructor(
    private readonly settings: FindingOutSettings,
    private readonly pace: Pace,
  ) {
    this.#free = settings.atOnce;
  }

  /**
   * @param key of the cookie and what it is shown for
   * @param paced the time in seconds, when it is to go by the pace
   * @param findOut is told whether the session has another cookie since
   * @throws {DomainError} `overloaded`, with the seconds after which to come again
   */
  once(
    key: string,
    sid: string,
    paced: number | undefined,
    findOut: (isRenewed: () => boolean) => Promise<T>,
  ): Served<T> {
    const others = this.#underWay.get(key);
    if (others) return { by: 'joining others', token: others.token };
    const turn = paced === undefined ? 'known' : 'paced';
    if (paced !== undefined) this.#requireRoom(paced);
    const finding: Finding<T> = {
      sid,
      renewed: false,
      // Begins after this turn, so that `finding` is there.
      token: Promise.resolve()
        .then(() => this.#inTurn(turn, () => findOut(() => finding.renewed)))
        .finally(() => {
          if (turn === 'paced') this.#pacedUnderWay -= 1;
          if (this.#underWay.get(key) === finding) this.#underWay.delete(key);
        }),
    };
    this.#underWay.set(key, finding);
    return { by: 'finding out', token: finding.token };
  }

  /** One that went by the pace was nobody's. */
  giveBack(): void {
    this.pace.giveBack();
  }

  /** A session has another cookie since; without `sid` any may have. Who asks now does not join those who asked before. */
  noteRenewal(sid: string | undefined): void {
    for (const [key, finding] of this.#underWay) {
      if (sid !== undefined && finding.sid !== sid) continue;
      finding.renewed = true;
      this.#underWay.delete(key);
    }
  }

  #requireRoom(now: number): void {
    const isFull = this.#pacedUnderWay >= this.settings.maxUnderWay;
    const wait = this.pace.ask(now) || (isFull ? 2 : 0);
    if (wait > 0) {
      const detail = 'too many sessions are looked up at once; this one is as it was';
      throw new DomainError('overloaded', detail, { retryAfterSeconds: wait });
    }
    this.#pacedUnderWay += 1;
  }

  async #inTurn(turn: Turn, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting[turn].push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.known.shift() ?? this.#waiting.paced.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
