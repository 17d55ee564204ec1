// The entry of `npm run compose:secrets`: makes the secrets of docker-compose.yml in the folder `secrets`, once. What is
// there already is kept. Needs nothing but Node.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'secrets';
const random = () => randomBytes(32).toString('base64url');
// Nobody else gets into the folder. In a container a file alone is mounted, and another user has to read it.
mkdirSync(folder, { recursive: true, mode: 0o700 });

secret('master-keys', () => `mk-${randomBytes(4).toString('hex')} ${random()}`);
for (const role of ['', 'owner-', 'service-']) secret(`postgres-${role}password`, random);
const relay = secret('redis-relay-password', random);
const verifier = secret('redis-verifier-password', random);
const clients = ['orders', 'payments'].map((id) => ({
  id,
  audience: id,
  secret_sha256: sha256(secret(`${id}-secret`, random)),
}));
secret('relying-services.json', () => JSON.stringify(clients, null, 2));
// As docs/operations/redis.md says. Without a password one may ask whether it is there, and nothing else.
secret('redis-users.acl', () =>
  [
    'user default on nopass resetkeys resetchannels -@all +ping',
    `user countersign-relay on #${sha256(relay)} resetkeys ~countersign:revocations ~countersign:revocations:relay ~countersign:attempts:* resetchannels -@all +ping +eval +evalsha +time +hmget +hset +xadd +xtrim +xlen +xrevrange +set +incrby +pttl +del +multi +exec`,
    `user countersign-verifier on #${sha256(verifier)} resetkeys ~countersign:revocations resetchannels -@all +xread +xrange +xrevrange`,
  ].join('\n'),
);
const password = secret('demo-password', random);
secret('demo.json', () =>
  JSON.stringify({ customer: { email: 'customer@example.test', password } }, null, 2),
);
console.log(`the secrets are in ${folder}/; keep master-keys as safe as the data of Postgres`);

/** The content of a file that is made once. */
function secret(name, make) {
  const file = join(folder, name);
  try {
    writeFileSync(file, `${make()}\n`, { flag: 'wx', mode: 0o444 });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}
