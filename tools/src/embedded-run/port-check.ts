import {
  describePortHolder,
  findPortHolder,
  isPortFree,
  type PortHolder,
} from '@countersign/embedded-postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ports } from './ports.js';
import { StartFailure } from './start-failure.js';

/** `localhost` may mean either; a stranger on one of them would get what is meant for us. */
const loopback = ['127.0.0.1', '::1'];
const leftOverPatienceMs = 12_000;

/**
 * Makes sure that every port of ours but Postgres' (which looks by itself, after it has stopped a server left over by
 * a crash) is free. Processes of this checkout that are still ending after a crash get a moment.
 *
 * @throws {StartFailure} naming every taken port and who has it.
 */
export async function requireFreePorts(
  ports: Ports,
  projectRoot: string,
  tell: (detail: string) => void,
): Promise<void> {
  const ours = Object.entries(ports).filter(([name]) => name !== 'postgres');
  const started = performance.now();
  let told = false;
  for (;;) {
    const taken = await takenPorts(ours);
    if (taken.length === 0) return;
    const ending = taken.every(({ holder }) => isLeftOver(holder, projectRoot));
    if (!ending || performance.now() - started > leftOverPatienceMs) throw tellTaken(taken);
    if (!told) tell('waiting for processes that a crashed run has left to end');
    told = true;
    await sleep(250);
  }
}

export interface TakenPort {
  /** As in {@link Ports}. */
  readonly name: string;
  readonly port: number;
  readonly holder: PortHolder | undefined;
}

/** Whether a port is held by a service that was started from this checkout. */
export function isLeftOver(holder: PortHolder | undefined, projectRoot: string): boolean {
  return (
    /^\S*node\S* /.test(holder?.command ?? '') &&
    (holder?.command ?? '').includes(`${projectRoot}/apps/`)
  );
}

export function tellTaken(taken: readonly TakenPort[]): StartFailure {
  const lines = taken.map(
    ({ name, port, holder }) =>
      `  ${port} (${inWords(name)}) is taken by ${describePortHolder(holder)}`,
  );
  return new StartFailure(
    [
      'Some ports are taken:',
      ...lines,
      'Stop what has them, or use others: npm start -- --port-base 4000',
    ].join('\n'),
  );
}

async function takenPorts(ports: readonly [string, number][]): Promise<TakenPort[]> {
  const taken: TakenPort[] = [];
  for (const [name, port] of ports) {
    if (await isPortFree(port, loopback)) continue;
    taken.push({ name, port, holder: await findPortHolder(port) });
  }
  return taken;
}

/** `identityOperator` → `identity operator`. */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
