export { startThrowAwayPostgres, type ThrowAwayPostgres } from './throw-away-postgres.js';
export {
  startThrowAwayRedis,
  type ThrowAwayRedis,
  type ThrowAwayRedisOptions,
} from './throw-away-redis.js';
