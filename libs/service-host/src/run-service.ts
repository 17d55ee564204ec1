import { ConfigurationError } from './environment.js';
import type { Logger } from './logger.js';

/** A started process: how to end it. `stop` must end streams first and finish requests under way. */
export interface RunningService {
  readonly logger: Logger;
  stop(): Promise<void>;
}

/** A stop that is not done by then is cut short. */
const STOP_LIMIT_MS = 4_500;

/**
 * Runs a process from start to exit: reports a bad configuration in full, stops on SIGTERM, SIGINT, and when the parent
 * that spawned it with an IPC channel is gone. Exit code 0 after a clean stop.
 */
export async function runService(start: () => Promise<RunningService>): Promise<void> {
  let service: RunningService;
  try {
    service = await start();
  } catch (error) {
    process.stderr.write(
      `${error instanceof ConfigurationError ? error.message : describe(error)}\n`,
    );
    process.exit(1);
  }
  const { logger } = service;
  let stopping = false;
  const stop = (why: string, exitCode: number) => {
    if (stopping) return;
    stopping = true;
    logger.info({ why }, 'stopping');
    const limit = setTimeout(() => {
      logger.warn('the stop took too long; leaving now');
      process.exit(exitCode);
    }, STOP_LIMIT_MS);
    service.stop().then(
      () => {
        clearTimeout(limit);
        logger.info('stopped');
        process.exit(exitCode);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM', 0));
  process.once('SIGINT', () => stop('SIGINT', 0));
  process.once('disconnect', () => stop('the parent process is gone', 0));
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    stop('uncaught exception', 1);
  });
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'unhandled rejection');
    stop('unhandled rejection', 1);
  });
}

function describe(error: unknown): string {
  return error instanceof Error
    ? `the start failed: ${error.stack ?? error.message}`
    : `the start failed: ${String(error)}`;
}
