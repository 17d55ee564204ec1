import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { parseRedisUrl } from './redis-address.js';
import type { RedisAddress } from './redis-address.js';
import { retryDelayMs } from './retry-delay.js';

const RECONNECT_MAX_MS = 2_000;

/** How to reach Redis, and as whom. */
export interface RedisConnectionOptions {
  /** See {@link parseRedisUrl}. */
  readonly url: string;
  /** Instead of the one in `url`. */
  readonly password?: string | undefined;
  /** For the Sentinels themselves, where they ask for one. */
  readonly sentinelPassword?: string | undefined;
  /** PEM of the authority that signed the server's certificate, where it is not a public one. */
  readonly ca?: string | undefined;
  /** Milliseconds after which a command that was not answered counts as failed, and its connection as dead. */
  readonly commandTimeoutMs: number;
  /** Connects again by itself, for ever: for who needs nothing of what was under way. */
  readonly reconnect?: boolean;
}

/**
 * Makes a client that is not connected yet. It fails at once rather than retry, queue or repeat anything by itself: who reads or
 * writes the stream must look at it again before it goes on, and makes a new one.
 *
 * @throws {TypeError} when `url` is of no known form
 */
export function createRedis(options: RedisConnectionOptions): Redis {
  const address = requireAddress(options.url);
  const tls = address.tls ? { ...(options.ca !== undefined && { ca: options.ca }) } : undefined;
  const retryStrategy = options.reconnect
    ? (attempt: number) => retryDelayMs(attempt, RECONNECT_MAX_MS)
    : null;
  const shared: RedisOptions = {
    lazyConnect: true,
    retryStrategy,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Both would ask for commands that a reader's user has no right to.
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: 5_000,
    commandTimeout: options.commandTimeoutMs,
    keepAlive: 10_000,
    db: address.database,
    ...(address.username !== undefined && { username: address.username }),
    ...withPassword(options.password ?? address.password),
  };
  const redis = new Redis(
    address.master === undefined
      ? { ...shared, ...address.hosts[0], ...(tls && { tls }) }
      : {
          ...shared,
          sentinels: address.hosts.map((host) => ({ ...host })),
          name: address.master,
          sentinelRetryStrategy: retryStrategy ?? (() => null),
          sentinelCommandTimeout: 2_000,
          ...(options.sentinelPassword !== undefined && {
            sentinelPassword: options.sentinelPassword,
          }),
          ...(tls && { tls, enableTLSForSentinelMode: true, sentinelTLS: tls }),
        },
  );
  // Every failure is also the rejection of a command or of connect().
  redis.on('error', () => undefined);
  return redis;
}

/** Connects. @throws {Error} with the reason, which the client itself keeps for its listeners */
export async function connect(redis: Redis): Promise<void> {
  let reason: Error | undefined;
  const note = (error: Error) => (reason ??= error);
  redis.on('error', note);
  try {
    await redis.connect();
  } catch (error) {
    throw reason ?? (error as Error);
  } finally {
    redis.off('error', note);
  }
}

/** @throws {TypeError} when `url` is of no known form */
export function requireAddress(url: string): RedisAddress {
  const address = parseRedisUrl(url);
  if (!address) throw new TypeError('the Redis URL is of no known form');
  return address;
}

/** Gives a connection up. Unlike `disconnect`, harmless when it has ended already (a second one holds the process up for two seconds). */
export function giveUp(redis: Redis): void {
  if (redis.status !== 'end') redis.disconnect();
}

function withPassword(password: string | undefined): RedisOptions {
  return password === undefined ? {} : { password };
}
