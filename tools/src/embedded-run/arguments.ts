import { parseArgs } from 'node:util';
import { StartFailure } from './start-failure.js';

export interface RunArguments {
  /** Undefined: the default ports. */
  readonly portBase: number | undefined;
  readonly help: boolean;
}

export const helpText = `Runs Countersign on this machine: Postgres, identity, orders, payments and the gateway.

  npm start [-- --port-base N]

  --port-base N  shift all ports: identity N, N+5, N+10; orders N+1, N+11; payments N+2, N+12;
                 Postgres N+32; gateway N+80, N+81. Default: 3000 to 3032, gateway 8080 and 8081.
  --help         this text

  Ctrl-C stops everything; a second Ctrl-C hurries.

Secrets, data and messages are kept in .countersign/; delete it to start empty.

  COUNTERSIGN_STATE_DIR  another place for them
  DATABASE_URL           use this Postgres (15 or later), not an own one; needs MASTER_KEY_FILE,
                         and makes no demo accounts
  MASTER_KEY_FILE        keys that seal secrets in the database, one "<id> <base64url of 32 bytes>" per line
  TRUSTED_ORIGINS        origins of front ends elsewhere whose pages may use cookies of ours, separated by commas
  LOG_LEVEL              fatal, error, warn, info (default), debug or trace

This is for development: one instance of each, no TLS, passwords in a file.`;

/** The highest offset of a port from the base. */
const highestOffset = 81;

/**
 * Reads the command line.
 * @throws {StartFailure} for what it does not know, and for a base that leaves no valid ports.
 */
export function parseRunArguments(args: readonly string[]): RunArguments {
  const { 'port-base': base, help } = parse(args);
  return { portBase: base === undefined ? undefined : parsePortBase(base), help };
}

function parse(args: readonly string[]): { 'port-base'?: string | undefined; help: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { 'port-base': { type: 'string' }, help: { type: 'boolean', default: false } },
    });
    return values;
  } catch (cause) {
    throw new StartFailure(`${(cause as Error).message}\n\n${helpText}`, { cause });
  }
}

function parsePortBase(text: string): number {
  const base = Number(text);
  const highest = 65_535 - highestOffset;
  if (/^\d+$/.test(text) && base >= 1024 && base <= highest) return base;
  throw new StartFailure(`--port-base takes a number from 1024 to ${highest}, not "${text}".`);
}
