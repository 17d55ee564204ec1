import type { Discovery } from '../fetching/discovery.js';
import { fetchJson, RequestFailed } from '../fetching/http-fetch.js';
import type { Fetch } from '../fetching/http-fetch.js';
import type { CheckInAnswer, CheckInPort, CheckInReport } from '../sources.js';

/** How long an answer is waited for: at first only so long that another replica still gets its chance, then longer, milliseconds. */
const TIMEOUT_MS = { first: 2_000, more: 1_000, longest: 5_000 } as const;

/** Checks in over HTTP at identity's service listener. */
export class CheckInClient implements CheckInPort {
  #failures = 0;
  /** Truly private: who logs a verifier must not log the secret of its service. */
  readonly #authorization: string;

  constructor(
    private readonly discovery: Discovery,
    private readonly fetch: Fetch,
    authorization: string,
  ) {
    this.#authorization = authorization;
  }

  async checkIn(report: CheckInReport, stop: AbortSignal): Promise<CheckInAnswer> {
    try {
      const answer = await this.#send(report, stop);
      this.#failures = 0;
      return answer;
    } catch (error) {
      this.#failures += 1;
      throw error;
    }
  }

  async #send(report: CheckInReport, stop: AbortSignal): Promise<CheckInAnswer> {
    const timeoutMs = Math.min(
      TIMEOUT_MS.first + this.#failures * TIMEOUT_MS.more,
      TIMEOUT_MS.longest,
    );
    const { checkIn } = await this.discovery.endpoints(stop);
    if (checkIn === undefined) throw new RequestFailed('the metadata names no check-in endpoint');
    const answer = await fetchJson(
      { fetch: this.fetch, stop },
      checkIn,
      { timeoutMs, maxBytes: 16 * 1024 },
      {
        method: 'POST',
        headers: { authorization: this.#authorization, 'content-type': 'application/json' },
        body: JSON.stringify({
          instance_id: report.instanceId,
          kids: report.kids,
          ...(report.applied && { applied: report.applied }),
          ...(report.proof !== undefined && { proof: report.proof }),
          ...(report.hardStalenessSeconds !== undefined && {
            hard_staleness_seconds: report.hardStalenessSeconds,
          }),
          ...(report.goodbye && { goodbye: true }),
        }),
      },
    );
    const { epoch, head } = answer as { epoch?: unknown; head?: unknown };
    if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(head)) {
      throw new RequestFailed('the answer to the check-in names no head');
    }
    return { head: { epoch: epoch as number, seq: head as number } };
  }
}
