export { startThrowAwayPostgres, type ThrowAwayPostgres } from './throw-away-postgres.js';
export { startThrowAwayRedis, type ThrowAwayRedis } from './throw-away-redis.js';
