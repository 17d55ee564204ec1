import type { Logger } from './logger.js';

/** The part of a verifier's state that says how it hears of revocations. */
export interface HearsOfRevocations {
  state(): {
    readonly revocation:
      | 'none'
      | {
          readonly sources: readonly {
            readonly name: string;
            readonly connected: boolean;
            readonly lastError?: string | undefined;
          }[];
        };
  };
}

const LOOK_MS = 1_000;

/**
 * Tells the log when a source of revocations fails, with its reason, and when it works again. The same reason is told once.
 *
 * @returns ends it
 */
export function reportSources(logger: Logger, verifier: HearsOfRevocations): () => void {
  const told = new Map<string, string>();
  const look = () => {
    const { revocation } = verifier.state();
    if (revocation === 'none') return;
    for (const { name, lastError } of revocation.sources) {
      if (lastError === told.get(name)) continue;
      if (lastError === undefined) {
        told.delete(name);
        logger.info({ source: name }, 'revocations arrive again');
      } else {
        told.set(name, lastError);
        logger.warn({ source: name, reason: lastError }, 'no revocations arrive from a source');
      }
    }
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
