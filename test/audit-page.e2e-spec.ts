import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import pg from 'pg';
import { enterLine, pathWithCountersign, readPage, shellLines } from './page-commands.js';
import { Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/operations/audit.md');
const lines = shellLines(page);

let stack: Stack;
let env: Record<string, string>;
const ran = new Set<string>();

beforeAll(async () => {
  stack = await Stack.start(['identity']);
  const { DATABASE_URL, MASTER_KEY_FILE } = stack.env('identity');
  env = {
    PATH: pathWithCountersign(stack.folder),
    DATABASE_URL: DATABASE_URL!,
    MASTER_KEY_FILE: MASTER_KEY_FILE!,
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions']),
  };
});
afterAll(() => stack.stop());

/** Runs a line of the page as it stands there, but for the examples in it. */
function enter(line: string, examples: Record<string, string> = {}, more = {}): Promise<CliResult> {
  if (!lines.includes(line)) throw new Error(`the page has no line ${line}`);
  ran.add(line);
  const text = Object.entries(examples).reduce((all, [from, to]) => all.replaceAll(from, to), line);
  return enterLine(text, { env: { ...env, ...more } });
}
const sql = async (text: string) => {
  const client = new pg.Client({ connectionString: stack.postgres.url });
  await client.connect();
  const { rows } = await client.query<Record<string, string>>(text);
  await client.end();
  return rows;
};
const sealed = () =>
  until(async () => (await sql(`SELECT FROM audit WHERE position IS NULL`)).length === 0, 20_000);
const VERIFY = 'countersign audit verify';
const withHead = lines.find((line) => line.startsWith(`${VERIFY} --head`)) ?? '';
const example = withHead.split(' ').at(-1) ?? '';

it('lists what was done, by who, what, when and whom', async () => {
  const ann = await stack.addAccount('ann@example.test');
  const ended = await stack.cli(
    ['sessions', 'end', '--email', ann.email, '--reason', 'a test'],
    env,
  );
  expect(ended.code).toBe(0);
  const [all = '', byActor = '', failures = '', byAccount = ''] = lines;
  expect((await enter(all)).out).toMatch(
    /^AT +ACTOR +ACTION +TARGET +DETAILS\n\S+ +operator:alice +sessions.end /,
  );
  const mine = await enter(byActor, { '2026-03-01T12:00:00Z': '2020-01-01T00:00:00Z' });
  expect(mine.out).toMatch(/operator:alice +sessions.end .*a test/);
  expect(mine.out).not.toContain('console');
  expect((await enter(byActor, { '2026-03-01T12:00:00Z': '2100-01-01T00:00:00Z' })).out).toBe(
    'AT  ACTOR  ACTION  TARGET  DETAILS\n',
  );
  const none = await enter(failures, { 'sign_in.fail': 'operator.add' });
  expect(JSON.parse(none.out)).toMatchObject({
    items: [{ actor: 'console', action: 'operator.add', target: 'alice' }],
    next_cursor: null,
  });
  const [account] = await sql(`SELECT id FROM accounts`);
  for (const given of [ann.email, account!['id']!]) {
    const { out } = await enter(byAccount, { 'ann@example.com': given });
    expect(out).toMatch(/ operator:alice +sessions.end /);
  }
  const nobody = await enter(byAccount, { 'ann@example.com': 'nobody@example.test' });
  expect(nobody).toMatchObject({ code: 3, err: expect.stringContaining('no account has this') });
});

it('is whole while identity goes on, up to a head that identity has logged', async () => {
  await sealed();
  expect(await enter(VERIFY)).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^\d+ sealed row\(s\) checked, 0 fault\(s\)\nno row waits/),
  });
  expect(page).toContain('head of the audit log');
  const logged = () =>
    /"head":"([^"]+)"[^\n]*"msg":"head of the audit log"/.exec(stack.logs())?.[1];
  await until(() => logged() !== undefined, 20_000);
  const held = await enter(withHead, { [example]: logged()! });
  expect(held).toMatchObject({ code: 0, err: '' });
  expect(held.out).toContain(`it contains the head ${logged()!}`);
});

it('a changed row is named, also as JSON; so is a log that was cut', async () => {
  await sealed();
  const { out } = await enter(VERIFY);
  const head = /^head (.*)$/m.exec(out)![1]!;
  await sql(`UPDATE audit SET actor = 'operator:bob' WHERE actor = 'operator:alice'`);
  const changed = await enter(VERIFY);
  expect(changed.code).toBe(1);
  expect(changed.out).toMatch(
    /^FAULT at \d+ \(row \d+\): changed: it is not the row that was sealed$/m,
  );
  expect(changed.err).toBe('the audit log is not as it was sealed\n');
  const json = await stack.cli(['audit', 'verify', '--json'], env);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ intact: false, faults: [{ kind: 'changed' }] });
  expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'audit_log_changed' } });
  await sql(`UPDATE audit SET actor = 'operator:alice' WHERE actor = 'operator:bob'`);
  expect((await enter(VERIFY)).code).toBe(0);

  await stack.endApp('identity');
  await sql(`WITH cut AS (DELETE FROM audit WHERE position > 1)
    UPDATE audit_chain SET position = 1, digest = (SELECT digest FROM audit WHERE position = 1)`);
  expect((await enter(VERIFY)).code).toBe(0);
  const cut = await enter(withHead, { [example]: head });
  expect(cut).toMatchObject({ code: 1, out: expect.stringContaining('head_missed') });
});

it('a head that is none, another master key, and a database that is away: each says so', async () => {
  expect(await enter(withHead, { [example]: '12' })).toMatchObject({ code: 2 });
  const file = join(stack.folder, 'other-keys');
  writeFileSync(file, `k1 ${Buffer.alloc(32, 7).toString('base64url')}\n`);
  const other = await enter(VERIFY, {}, { MASTER_KEY_FILE: file });
  expect(other).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('cannot be opened'),
  });
  const missing = await enter(VERIFY, {}, { MASTER_KEY_FILE: '/nowhere' });
  expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('/nowhere') });
  const away = await enter(VERIFY, {}, { DATABASE_URL: 'postgres://127.0.0.1:1/x' });
  expect(away).toMatchObject({ code: 4 });
});

it('every command of the page was run', () => {
  expect(lines.filter((line) => !ran.has(line))).toEqual([]);
  expect(lines).toHaveLength(6);
});
