import { type ParentWatch, watchOverChildren } from '@countersign/embedded-postgres';

/** Something that was started and has to be stopped. */
export interface Part {
  readonly name: string;
  readonly pid: number;
  /** What asks it to stop. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM';
  readonly stop: (hurry: AbortSignal) => Promise<void>;
}

/**
 * What runs, in the order it was started, so that it can be stopped the other way round. Parts of one group stop at
 * the same time. Should this process be killed, a small watcher stops them in its place.
 */
export class RunningParts {
  readonly #groups: Part[][] = [];
  #watch: ParentWatch | undefined;

  /** Adds a group that is already running. */
  add(...group: Part[]): void {
    this.#groups.push(group);
    this.#watch ??= watchOverChildren();
    for (const part of group) this.#watch.add(part.pid, part.stopSignal);
  }

  get isEmpty(): boolean {
    return this.#groups.length === 0;
  }

  /** Stops everything, last group first. A part that cannot be stopped does not keep the others running. */
  async stopAll(hurry: AbortSignal): Promise<void> {
    for (let group = this.#groups.pop(); group !== undefined; group = this.#groups.pop()) {
      await Promise.allSettled(group.map((part) => part.stop(hurry)));
      for (const part of group) this.#watch?.remove(part.pid);
    }
    this.#watch?.close();
  }
}
