import { jest } from '@jest/globals';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import pg from 'pg';
import { backUp } from './chaos/restored-database.js';
import {
  enterLine,
  pathWithCountersign,
  readPage,
  shellLines,
  shellLinesUnder,
} from './page-commands.js';
import { bearer, expectApplied, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/operations/revocation.md');

let stack: Stack;
let redis: ThrowAwayRedis;
let env: Record<string, string>;
const ran = new Set<string>();

beforeAll(async () => {
  redis = await startThrowAwayRedis();
  stack = await Stack.start(['identity', 'orders'], { REDIS_URL: redis.url });
  env = {
    PATH: pathWithCountersign(stack.folder),
    DATABASE_URL: stack.databaseUrl,
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions', 'keys']),
  };
});
afterAll(async () => {
  await stack.stop();
  await redis.stop();
});

const commandsUnder = (heading: string) => shellLinesUnder(page, heading);

/** Runs a line of the page as it stands there, but for the examples in it. */
async function enter(line: string, examples: Record<string, string> = {}): Promise<CliResult> {
  ran.add(line);
  const text = Object.entries(examples).reduce((all, [from, to]) => all.replaceAll(from, to), line);
  return enterLine(text, { env });
}
/** What is written as seen is there to be seen, and is what the page says. */
function expectSeen(message: string, where: string): void {
  expect(page).toContain(message);
  expect(where).toContain(message);
}
async function expectLogged(message: string): Promise<void> {
  expect(page).toContain(message);
  await until(() => stack.logs().includes(message), 20_000);
}
const doctor = () => enter('countersign doctor');
/** Waits until the doctor is content; a note is no fault, and `known` is none. */
const untilWell = (known = /(?!)/) =>
  until(async () => {
    const { out, err } = await doctor();
    const wrong = out.split('\n').filter((line) => line.startsWith('WRONG') && !known.test(line));
    if (!out.startsWith('VERDICT') || wrong.length > 0) throw new Error(`${out}${err}`);
    return true;
  }, 30_000);
const atOrders = async (token: string) =>
  (await fetch(stack.url('orders', '/orders'), { headers: bearer(token) })).status;
const positionIn = (out: string) => /revocation (\d+\.\d+)/.exec(out)?.[1] ?? 'none';

it('Postgres is away', async () => {
  await untilWell();
  const token = await stack.signIn(await stack.addAccount('paula@example.test'));
  const [ask = '', over = ''] = commandsUnder('Postgres is away');
  expect(over).toBe('countersign doctor');
  await stack.postgres.halt();
  const ill = await enter(over);
  expect([ill.code, ill.out]).toEqual([1, expect.stringMatching(/^WRONG +database /m)]);
  expectSeen('identity cannot reach its database', ill.out);
  expect(ill.out).toContain('docs/operations/revocation.md#postgres-is-away');
  expect(ill.out).toMatch(/^ok +ready /m);
  expect(JSON.parse((await enter(`${over} --json`)).out)).toMatchObject({
    healthy: false,
    findings: [{ check: 'ready' }, { check: 'database', verdict: 'wrong' }],
  });
  const asked = await enter(ask);
  expect([asked.code, asked.err]).toEqual([4, expect.stringContaining('ECONNREFUSED')]);
  expectSeen('ECONNREFUSED', asked.err);

  await stack.postgres.resume();
  await untilWell();
  expect((await enter(ask)).code).toBe(0);
  await until(async () => (await atOrders(token)) === 200, 20_000);
});

it('Redis is lost, and comes back empty', async () => {
  await untilWell();
  const [relayStatus = ''] = commandsUnder('Redis is lost');
  expect(await enter(relayStatus)).toMatchObject({
    code: 0,
    out: expect.stringContaining('led by'),
  });
  await redis.halt();
  await until(async () => (await doctor()).code === 1, 20_000);
  const { out: ill } = await doctor();
  expectSeen('no replica brings revocations to Redis: the feed carries them', ill);
  expect(ill).toMatch(/^WRONG +relay /m);
  await expectLogged('no revocations go to Redis: they go out by the feed only');
  expect((await enter(relayStatus)).out).toMatch(/NOBODY LEADS[^]*last error/);

  const token = await stack.signIn(await stack.addAccount('rita@example.test'));
  const ended = await stack.cli(['sessions', 'end', '--email', 'rita@example.test'], env);
  await expectApplied(ended.out, async () => (await atOrders(token)) === 401);

  await redis.resume();
  await untilWell();
  expect((await enter(relayStatus)).out).toContain('led by');
  await expectLogged('all live revocations were written to Redis again');
});

it('a service is behind', async () => {
  const [list = '', show = '', metrics = ''] = commandsUnder('A service is behind');
  await stack.addAccount('silvia@example.test');
  stack.running('orders').child.kill('SIGSTOP');
  const ended = await stack.cli(['sessions', 'end', '--email', 'silvia@example.test'], env);
  const example = { '1.17': positionIn(ended.out) };
  expect(ended.out).toContain('no receipt from orders');
  expect((await enter(show, example)).out).toMatch(/^orders +\S+ +NONE/m);
  await until(
    async () =>
      /^WRONG +service orders .*(is behind by|has gone silent)/m.test((await doctor()).out),
    30_000,
  );
  expect((await enter(list)).out).toMatch(/^orders .* (behind|silent) /m);

  stack.running('orders').child.kill('SIGCONT');
  await untilWell();
  const ports = { '3011': String(stack.ports['ordersManagement']) };
  const heartbeat = async () => (await enter(metrics, ports)).out;
  await until(
    async () => /^countersign_heartbeat_age_seconds [01]\./m.test(await heartbeat()),
    30_000,
  );
  expect((await enter(show, example)).out).toMatch(/^orders +\S+ +applied/m);
});

it('everything before an instant ends', async () => {
  const [look = '', all = '', client = '', sub = '', disable = '', show = ''] = commandsUnder(
    'End everything before an instant',
  );
  const tina = await stack.addAccount('tina@example.test');
  const token = await stack.signIn(tina);
  const examples = {
    '2026-03-01T12:00:00Z': new Date().toISOString().replace(/\.\d+/, ''),
    'ann@example.com': tina.email,
  };
  expect((await enter(look, examples)).out).toMatch(
    /and end [1-9]\d* live session.*\nnothing was changed/,
  );
  expect(await atOrders(token)).toBe(200);
  const done = await enter(all, examples);
  expect(done.out).toMatch(/^ended [1-9]\d* session/m);
  expect(page).toContain('applied by every live instance');
  await expectApplied(done.out, async () => (await atOrders(token)) === 401);
  const shown = async () => (await enter(show, { '1.17': positionIn(done.out) })).out;
  await until(async () => /^orders +\S+ +applied/m.test(await shown()), 30_000);

  for (const line of [client, sub, disable]) {
    const later = line === disable ? undefined : await stack.signIn(tina);
    const { code, out } = await enter(line, examples);
    expect([code, out]).toEqual([0, expect.stringMatching(/ended [1-9]\d* session|disabled/)]);
    if (later !== undefined) await until(async () => (await atOrders(later)) === 401, 30_000);
  }
});

it('Postgres was restored from a dump', async () => {
  const [
    migrate = '',
    look = '',
    raise = '',
    keep = '',
    above = '',
    disable = '',
    take = '',
    ...over
  ] = commandsUnder('Postgres was restored');
  const uma = await stack.addAccount('uma@example.test');
  const tokens = [await stack.signIn(uma), await stack.signIn(uma)];
  const restore = await backUp(stack);
  await until(async () => (await atOrders(tokens[0]!)) === 200, 20_000);
  await stack.cli(['sessions', 'end', '--email', uma.email], env);
  await until(async () => (await atOrders(tokens[0]!)) === 401, 30_000);
  await stack.endApp('identity');
  await restore();

  expect(await enter(migrate)).toMatchObject({ code: 0, out: 'the schema is up to date\n' });
  expect((await enter(look)).out).toMatch(/END ALL [1-9]\d* session/);
  expect((await enter(raise)).out).toMatch(/^epoch 2 has begun; ended [1-9]\d* session/);
  expect((await enter(keep)).out).toBe('epoch 3 has begun; sessions were kept\n');
  expect((await enter(above)).out).toMatch(/^epoch 10 has begun/);
  await stack.startApp('identity');

  expect(page).toContain('for up to 75 s');
  await untilWell(/service identity .*has gone silent/);
  for (const token of tokens) expect(await atOrders(token)).toBe(401);
  expect(await atOrders(await stack.signIn(uma))).toBe(200);
  for (const line of [take, disable]) {
    expect(await enter(line, { 'ann@example.com': uma.email })).toMatchObject({ code: 0 });
  }
  expect(over).toEqual(['countersign doctor', 'countersign status']);
  const [well, status] = [await enter(over[0]!), await enter(over[1]!)];
  expect(well.out).toMatch(/^note +epoch +epoch 3 was closed/m);
  expect(status.out).toContain('an operator raised it; all sessions ended');
});

it('a standby was promoted: the doctor says so for a day', async () => {
  const admin = new pg.Client({ connectionString: stack.postgres.url });
  await admin.connect();
  await admin.query('UPDATE revocation_head SET timeline = timeline + 1');
  await admin.end();
  await until(
    async () => /^WRONG +epoch .*a standby was promoted/m.test((await doctor()).out),
    20_000,
  );
  await expectLogged('the epoch of revocations was raised');
});

it('every command of the page was run', () => {
  expect([...new Set(shellLines(page))].filter((line) => !ran.has(line))).toEqual([]);
  expect(shellLines(page).length).toBeGreaterThan(15);
});
