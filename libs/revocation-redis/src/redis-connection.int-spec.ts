import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis, ThrowAwayRedisOptions } from '@countersign/test-kit';
import { Reader, startRoad, Truth, until } from '../test/truth.js';
import { createRedis, DEFAULT_STREAM, giveUp, RedisRevocationSource } from './index.js';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(
  settings: NonNullable<ThrowAwayRedisOptions['settings']>,
  transport: ThrowAwayRedisOptions['transport'] = 'plain',
) {
  const server = await startThrowAwayRedis({ settings, transport });
  stops.push(() => server.stop());
  return server;
}

function truthAt(url: string, ca?: string): Truth {
  const truth = new Truth(url, ca);
  stops.push(() => truth.close());
  return truth;
}

function follow(url: string, ca?: string) {
  const reader = new Reader();
  const source = new RedisRevocationSource({ url, ca });
  source.start({ receive: reader.receive, drop: () => reader.drop() });
  stops.push(() => source.close());
  return { reader, source };
}

/** The users that the documentation describes, for `redis.conf`. */
async function documentedUsers(): Promise<string[]> {
  const path = new URL('../../../docs/operations/redis.md', import.meta.url);
  const text = await readFile(fileURLToPath(path), 'utf8');
  const lines = /```acl\n([^`]*)```/.exec(text)![1]!.trim().split('\n');
  return lines.map((line) => line.replace(/^user /, ''));
}

describe('with the users that the documentation describes', () => {
  const STATE = `${DEFAULT_STREAM}:relay`;
  let server: ThrowAwayRedis;
  const as = (user: string) => `redis://${user}@127.0.0.1:${String(server.port)}`;

  beforeEach(async () => {
    server = await start({ user: await documentedUsers() });
  });

  it('the relay writes, trims and beats, and a verifier reads', async () => {
    const truth = truthAt(as('countersign-relay:relay-password'));
    const permanent = [truth.revoke('stolen', 'kid')];
    const writer = await truth.emitted(1, 1);
    const { reader } = follow(as('countersign-verifier:verifier-password'));
    await until(() => reader.isFresh, 'the reader is fresh');
    await writer.append([truth.revoke('a')]);
    await truth.beat(writer, { retentionSeconds: 600, permanent });
    await until(() => reader.refuses('a'), 'it is known');
  });

  it.each<[string, ...string[]]>([
    ['xadd', DEFAULT_STREAM, '*', 'r', '{}'],
    ['xtrim', DEFAULT_STREAM, 'MAXLEN', '0'],
    ['xdel', DEFAULT_STREAM, '1-1'],
    ['del', DEFAULT_STREAM],
    ['set', DEFAULT_STREAM, 'x'],
    ['hset', STATE, 'term', '99'],
    ['hgetall', STATE],
    ['eval', "return redis.call('XADD', KEYS[1], '*', 'r', '{}')", '1', DEFAULT_STREAM],
    ['flushall'],
    ['config', 'get', '*'],
    ['xrange', 'something-else', '-', '+'],
  ])('a verifier cannot %s', async (command, ...args) => {
    const url = as('countersign-verifier:verifier-password');
    const redis = createRedis({ url, commandTimeoutMs: 2_000 });
    stops.push(() => giveUp(redis));
    await redis.connect();
    await expect(redis.call(command, ...args)).rejects.toThrow('NOPERM');
  });

  it('nobody is let in without a password, and the reason is told', async () => {
    const { source } = follow(as('countersign-verifier:wrong'));
    await until(() => source.state().lastError !== undefined, 'it says so');
    expect(source.state().lastError).toMatch(/WRONGPASS|NOAUTH/);
  });
});

it('the same over TLS, with an authority of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-test-tls-'));
  stops.push(() => rm(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = '-subj /CN=localhost -addext subjectAltName=DNS:localhost';
  const how = `req -x509 -newkey rsa:2048 ${subject} -keyout ${key} -out ${cert} -days 2 -nodes`;
  await promisify(execFile)('openssl', how.split(' '));
  const ca = await readFile(cert, 'utf8');
  const settings = {
    'tls-cert-file': cert,
    'tls-key-file': key,
    'tls-ca-cert-file': cert,
    'tls-auth-clients': 'no',
    user: await documentedUsers(),
  };
  const { port } = await start(settings, 'tls');
  const as = (user: string) => `rediss://${user}@localhost:${String(port)}`;
  const truth = truthAt(as('countersign-relay:relay-password'), ca);
  truth.revoke('a');
  await truth.emitted(1, 1);
  const verifier = as('countersign-verifier:verifier-password');
  const { reader } = follow(verifier, ca);
  await until(() => reader.refuses('a'), 'it is known');
  const redis = createRedis({ url: verifier, ca, commandTimeoutMs: 2_000 });
  stops.push(() => giveUp(redis));
  await redis.connect();
  await expect(redis.xadd(DEFAULT_STREAM, '*', 'r', '{}')).rejects.toThrow('NOPERM');

  const stranger = follow(verifier);
  await until(() => stranger.source.state().lastError !== undefined, 'it is refused');
  expect(stranger.source.state().lastError).toMatch(/self-signed|certificate/);
});

it('a replica that lagged behind is promoted by Sentinel: writer and reader find it, and the loss is noticed', async () => {
  const primary = await start({});
  const road = await startRoad(primary.port);
  stops.push(() => road.close());
  const replica = await start({ replicaof: `127.0.0.1 ${new URL(road.url).port}` });
  const lagging = truthAt(replica.url);
  const atReplica = await lagging.connect();
  await untilAsync(async () => (await atReplica.info('replication')).includes('link_status:up'));
  const sentinel = await start({
    'sentinel monitor': `main 127.0.0.1 ${String(primary.port)} 1`,
    'sentinel down-after-milliseconds': 'main 1000',
    'sentinel failover-timeout': 'main 4000',
  });
  const url = `redis+sentinel://127.0.0.1:${String(sentinel.port)}/main`;
  const truth = truthAt(url);
  const writer = await truth.emitted(1, 1);
  const { reader } = follow(url);
  await until(() => reader.isFresh, 'the reader is fresh');
  await untilAsync(async () => (await atReplica.xlen(DEFAULT_STREAM)) >= 3);

  road.cut();
  await writer.append([truth.revoke('lost in Redis')]);
  await primary.halt();
  const next = await untilLeads(truth, 2);
  expect(await next.adopt(truth.head, writer.state)).toMatchObject({ complete: false });
  await truth.emitAll(next, 2);
  await until(() => reader.replica.position?.seq === 1, 'the reader has found it');
  expect(reader.refuses('lost in Redis')).toBe(true);
});

/** A writer to whichever server is the master and takes writes. */
async function untilLeads(truth: Truth, term: number) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const writer = await truth.writer(term);
      await writer.adopt(truth.head);
      return writer;
    } catch (error) {
      if (attempt === 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200 && !(await condition()); attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
