import { Counter, traced } from '@countersign/service-host';
import type { Logger, Registry } from '@countersign/service-host';
import { SESSION_COOKIE } from '@countersign/token-verifier';
import { EDGE_ANSWERS } from '../edge/answers.js';
import type { PostJson } from './post-json.js';
import { readSwapAnswer } from './swap-answer.js';
import type { SwapAnswer } from './swap-answer.js';

/** How many swaps may be under way at once; whoever comes then is told to come again. */
const MAX_UNDER_WAY = 1_000;

/** Who shows an opaque cookie, and what for. */
export interface SwapRequest {
  /** The cookie's value. */
  readonly cookie: string;
  /** The relying service that the request goes to. */
  readonly audience: string;
  readonly method: string;
  /** The headers of the request that show where it comes from, as they came. */
  readonly provenance: readonly (readonly [string, string])[];
}

/**
 * Asks identity's forward auth for the access token of an opaque cookie. Remembers nothing: identity does, and hears first of what
 * ends a session. Requests that ask the same in the same moment share one question.
 */
export class SessionSwap {
  readonly #underWay = new Map<string, Promise<SwapAnswer>>();
  readonly #outcomes: Counter<'outcome'>;

  constructor(
    private readonly ask: PostJson,
    private readonly logger: Pick<Logger, 'warn'>,
    metrics: Registry,
  ) {
    this.#outcomes = new Counter({
      name: 'countersign_gateway_swaps_total',
      help: 'Opaque cookies by what identity said: swapped, refused, or unavailable when it did not',
      labelNames: ['outcome'],
      registers: [metrics],
    });
  }

  /** Never rejects. */
  async swap({ cookie, audience, method, provenance }: SwapRequest): Promise<SwapAnswer> {
    const headers = [['cookie', `${SESSION_COOKIE}=${cookie}`], ...provenance];
    const answer = await this.#askOnce(JSON.stringify({ audience, method, headers }));
    const isUnavailable = answer.refusal?.problem.status === 503;
    const outcome =
      answer.token !== undefined ? 'swapped' : isUnavailable ? 'unavailable' : 'refused';
    this.#outcomes.inc({ outcome });
    return answer;
  }

  #askOnce(question: string): Promise<SwapAnswer> {
    const others = this.#underWay.get(question);
    if (others) return others;
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      return Promise.resolve({ refusal: EDGE_ANSWERS.forwardAuthUnavailable });
    }
    const answer = traced('swap session', () => this.#ask(question)).finally(() =>
      this.#underWay.delete(question),
    );
    this.#underWay.set(question, answer);
    return answer;
  }

  async #ask(question: string): Promise<SwapAnswer> {
    try {
      return readSwapAnswer(await this.ask(question));
    } catch (error) {
      this.logger.warn({ reason: (error as Error).message }, 'identity does not swap sessions');
      return { refusal: EDGE_ANSWERS.forwardAuthUnavailable };
    }
  }
}
