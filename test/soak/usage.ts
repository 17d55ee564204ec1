import { readdirSync, readFileSync } from 'node:fs';
import type { Town } from '../chaos/town.js';
import type { Life, Usage } from './growth.js';

/** Watches what the processes of a town hold, and those that they have started. Needs /proc. */
export class UsageLog {
  readonly #lives = new Map<number, { name: string; samples: Usage[] }>();

  constructor(
    private readonly town: Town,
    private readonly names: readonly string[],
  ) {}

  /** Looks at all processes that there are now. */
  sample(): void {
    for (const [name, pid] of this.#processes()) {
      const usage = usageOf(pid);
      if (!usage) continue;
      const life = this.#lives.get(pid) ?? { name, samples: [] };
      this.#lives.set(pid, life);
      life.samples.push(usage);
    }
  }

  lives(): Life[] {
    return [...this.#lives.values()];
  }

  /** The newest of each process, by name. */
  newest(): Map<string, Usage> {
    return new Map([...this.#lives.values()].map(({ name, samples }) => [name, samples.at(-1)!]));
  }

  *#processes(): Generator<[name: string, pid: number]> {
    for (const name of this.names) {
      const pid = this.town.stack.pidOf(name);
      if (pid === undefined) continue;
      yield [name, pid];
      for (const [n, child] of childrenOf(pid).entries()) yield [`${name}/${String(n + 1)}`, child];
    }
  }
}

function usageOf(pid: number): Usage | undefined {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (kib === undefined) return undefined;
    const fds = readdirSync(`/proc/${pid}/fd`).length;
    return { at: performance.now(), rssMb: Number(kib) / 1024, fds };
  } catch {
    // It has ended.
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
