import { ConfigurationError } from './environment.js';
import type { Logger } from './logger.js';

/** A started process: how to end it. `stop` must end streams first and finish requests under way. */
export interface RunningService {
  readonly logger: Logger;
  /** For how much of the stop it goes on serving, milliseconds. */
  readonly drainMs: number;
  readonly stop: () => Promise<void>;
}

/** A stop that is not done so long after it has served to the end is cut short. */
const STOP_LIMIT_MS = 4_500;

/**
 * Runs a process from start to exit: reports a bad configuration in full, stops on SIGTERM, SIGINT, and when the parent
 * that spawned it with an IPC channel is gone. Exit code 0 after a clean stop.
 */
export async function runService(start: () => Promise<RunningService>): Promise<void> {
  let service: RunningService | undefined;
  let leaving: { readonly why: string; readonly exitCode: number } | undefined;
  const leave = (why: string, exitCode: number) => {
    if (leaving) return;
    leaving = { why, exitCode };
    if (service) void stopService(service, leaving);
    else setTimeout(() => process.exit(exitCode), STOP_LIMIT_MS);
  };
  process.once('SIGTERM', () => leave('SIGTERM', 0));
  process.once('SIGINT', () => leave('SIGINT', 0));
  process.once('disconnect', () => leave('the parent process is gone', 0));
  process.on('uncaughtException', (error) => {
    report(service, error, 'uncaught exception');
    leave('uncaught exception', 1);
  });
  process.on('unhandledRejection', (error) => {
    report(service, error, 'unhandled rejection');
    leave('unhandled rejection', 1);
  });
  try {
    service = await start();
  } catch (error) {
    // A start that was told to stop may end in any way.
    if (leaving) process.exit((leaving as { readonly exitCode: number }).exitCode);
    process.stderr.write(
      `${error instanceof ConfigurationError ? error.message : describe(error)}\n`,
    );
    process.exit(1);
  }
  // Asked to leave while starting: what was started is stopped like any other.
  if (leaving) void stopService(service, leaving);
}

async function stopService(
  { logger, drainMs, stop }: RunningService,
  { why, exitCode }: { readonly why: string; readonly exitCode: number },
): Promise<void> {
  logger.info({ why }, 'stopping');
  const limit = setTimeout(() => {
    logger.warn('the stop took too long; leaving now');
    process.exit(exitCode);
  }, drainMs + STOP_LIMIT_MS);
  try {
    await stop();
  } catch (error) {
    logger.error({ err: error }, 'the stop failed');
    process.exit(1);
  }
  clearTimeout(limit);
  logger.info('stopped');
  process.exit(exitCode);
}

function report(service: RunningService | undefined, error: unknown, what: string): void {
  if (service) {
    service.logger.fatal({ err: error }, what);
    return;
  }
  process.stderr.write(`${describe(error)}\n`);
  process.exit(1);
}

function describe(error: unknown): string {
  return `the start failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
