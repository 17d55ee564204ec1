import { setTimeout as sleep } from 'node:timers/promises';
import { StartFailure } from './start-failure.js';

const limitMs = 60_000;

/**
 * Waits until a process answers 200 to `GET /health/ready` on its management port.
 * @throws {StartFailure} after a minute, with what the process says is missing; the reason of `ending` when aborted.
 */
export async function waitUntilReady(
  name: string,
  managementPort: number,
  ending: AbortSignal,
): Promise<void> {
  const started = performance.now();
  for (;;) {
    ending.throwIfAborted();
    const answer = await ask(managementPort);
    if (answer === 'ready') return;
    if (performance.now() - started > limitMs) {
      throw new StartFailure(
        `${name} is not ready after ${limitMs / 1000} s. ` +
          `Its management listener on port ${managementPort} says: ${answer}`,
      );
    }
    await sleep(50);
  }
}

async function ask(port: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
      signal: AbortSignal.timeout(2_000),
    });
    const body = await response.text();
    return response.status === 200 ? 'ready' : `${response.status} ${body}`;
  } catch {
    return 'nothing';
  }
}
