import type { Upstream } from '../proxy/upstream.js';

/** Whether a part answers at all. How ready it is, its own management listener says. */
export interface PartStatus {
  readonly name: string;
  readonly answers: boolean;
}

const PROBE_TIMEOUT_MS = 1_000;
/** For so long one answer serves everybody, so that visitors of the page cannot make us ask more often. */
const REMEMBERED_MS = 1_000;

/** Asks the parts behind the gateway whether they answer. */
export class PartsStatus {
  #asked: Promise<readonly PartStatus[]> | undefined;

  constructor(private readonly parts: readonly Upstream[]) {}

  /** Never rejects, and takes a second at most. */
  read(): Promise<readonly PartStatus[]> {
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  async #ask(): Promise<readonly PartStatus[]> {
    const answers = await Promise.all(
      this.parts.map(async ({ name, origin, probe }) => ({
        name,
        answers: await doesAnswer(new URL(probe, origin)),
      })),
    );
    setTimeout(() => (this.#asked = undefined), REMEMBERED_MS).unref();
    return answers;
  }
}

async function doesAnswer(url: URL): Promise<boolean> {
  try {
    await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return true;
  } catch {
    return false;
  }
}
