import type { createRedis } from '@countersign/revocation-redis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import type { Rate } from '../config/attempt-settings.js';

/** Counts under keys, in windows that begin with the first of each. */
export type Limiter = Pick<
  RateLimiterAbstract,
  'consume' | 'penalty' | 'reward' | 'set' | 'delete'
>;

/** Whether a limiter has refused, and did not just fail. */
export function isRefusal(error: unknown): error is RateLimiterRes {
  return error instanceof RateLimiterRes;
}

/**
 * Adds to a counter. One that comes back to nothing is gone: what is given back leaves no trace, and no credit when its window has
 * ended meanwhile.
 */
const ADD = `
redis.call('set', KEYS[1], 0, 'EX', ARGV[2], 'NX')
local counted = redis.call('incrby', KEYS[1], ARGV[1])
if counted <= 0 then
  redis.call('del', KEYS[1])
  return {0, 0}
end
return {counted, redis.call('pttl', KEYS[1])}`;

/** Counts in Redis, for all replicas. Fails when Redis is not there. */
export function countInRedis(
  redis: ReturnType<typeof createRedis>,
  name: string,
  { points, seconds }: Rate,
): Limiter {
  return new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `countersign:attempts:${name}`,
    points,
    duration: seconds,
    rejectIfRedisNotReady: true,
    customIncrTtlLuaScript: ADD,
  });
}

/** Counts in this process. */
export function countInMemory(name: string, { points, seconds }: Rate): Limiter {
  const limiter = new RateLimiterMemory({ keyPrefix: name, points, duration: seconds });
  return {
    consume: (...given) => limiter.consume(...given),
    penalty: (...given) => limiter.penalty(...given),
    async reward(key, ...rest) {
      const result = await limiter.reward(key, ...rest);
      if (result.consumedPoints <= 0) await limiter.delete(key);
      return result;
    },
    set: (...given) => limiter.set(...given),
    delete: (...given) => limiter.delete(...given),
  };
}
