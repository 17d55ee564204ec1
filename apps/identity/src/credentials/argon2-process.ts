import { hashSync, verifySync } from '@node-rs/argon2';
import type { HashAnswer, HashRequest } from './hash-messages.js';

/** Answers wait for those of the next ones for so long at most. */
const HELD_BACK_MS = 40;

/**
 * A process that does nothing but hash passwords, one at a time, so that hashing never takes a thread or the event loop of
 * the process that serves requests. Talks over the IPC channel; ends with its parent.
 */
process.on('message', (requests: readonly HashRequest[]) => {
  let answers: HashAnswer[] = [];
  let since = performance.now();
  for (const [n, request] of requests.entries()) {
    answers.push(answer(request));
    if (n < requests.length - 1 && performance.now() - since < HELD_BACK_MS) continue;
    process.send?.(answers, undefined, undefined, (error: Error | null) => {
      // The parent is gone.
      if (error) process.exit(0);
    });
    answers = [];
    since = performance.now();
  }
});
process.on('disconnect', () => process.exit(0));
// The terminal's Ctrl-C reaches the whole group; the parent decides when hashing ends.
process.on('SIGINT', () => undefined);

function answer(request: HashRequest): HashAnswer {
  try {
    if (request.op === 'verify') {
      return { id: request.id, ok: verifySync(request.hash, request.password) };
    }
    const { memoryKiB, passes } = request;
    // argon2id is the package's default.
    const hash = hashSync(request.password, {
      memoryCost: memoryKiB,
      timeCost: passes,
      parallelism: 1,
    });
    return { id: request.id, hash };
  } catch (error) {
    return { id: request.id, error: (error as Error).message };
  }
}
