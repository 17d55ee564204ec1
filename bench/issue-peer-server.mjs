// better-auth as its documentation sets it up for e-mail and password on Node and Postgres, hashing as identity does.
// Arguments: port, database URL, argon2's memory and passes. Says "ready" when it listens.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { hash, verify } from '@node-rs/argon2';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import pg from 'pg';

const [port, connectionString, memory, passes] = process.argv.slice(2);
const argon2 = { memoryCost: Number(memory), timeCost: Number(passes), parallelism: 1 };

const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: randomBytes(32).toString('base64url'),
  database: new pg.Pool({ connectionString, max: 10 }),
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, argon2),
      verify: ({ hash: known, password }) => verify(known, password),
    },
  },
  // As identity's: nobody reaches them here.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const server = createServer(toNodeHandler(betterAuth(options)));
server.listen(Number(port), '127.0.0.1', () => process.send('ready'));
process.on('disconnect', () => process.exit(0));
