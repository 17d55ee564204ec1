import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds after the first signal. The last step cannot be refused. */
const steps = [
  { after: 0, signal: 'SIGINT' }, // Fast shutdown: roll back, write everything, end.
  { after: 6_000, signal: 'SIGQUIT' }, // Immediate shutdown: its children end too; recovery at the next start.
  { after: 8_000, signal: 'SIGKILL' },
] as const;

/** Stops a Postgres server by its main process, harder as time passes. Resolves when `isGone()`. */
export async function shutDown(pid: number, isGone: () => boolean): Promise<void> {
  let waited = 0;
  const pending = [...steps];
  while (!isGone()) {
    if (pending[0] !== undefined && waited >= pending[0].after) {
      send(pid, pending[0].signal);
      pending.shift();
    }
    await sleep(25);
    waited += 25;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}
