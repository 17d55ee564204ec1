import { jest } from '@jest/globals';
import { startThrowAwayRedis } from '@countersign/test-kit';
import {
  addDocker,
  addKubectl,
  enterLine,
  pathWithCountersign,
  readPage,
  shellBlocks,
  shellLines,
} from './page-commands.js';
import { bearer, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(240_000);

const page = readPage('docs/operations/alerts.md');
// There is no cluster here: what these name is held to the manifests in test/deployment/pages.e2e-spec.ts.
const lines = [...new Set(shellLines(page))].filter(
  (line) => !/^(kubectl -n countersign|docker compose|POD=)/.test(line),
);
/** What is entered first, whatever the alert. */
const beginning = shellBlocks(page.slice(0, page.indexOf('\n## '))).filter(
  ([first]) => !first!.startsWith('docker'),
);

let redis: Awaited<ReturnType<typeof startThrowAwayRedis>>;
let stack: Stack;
let env: Record<string, string>;

beforeAll(async () => {
  redis = await startThrowAwayRedis();
  stack = await Stack.start(['identity', 'orders'], { REDIS_URL: redis.url });
  env = {
    PATH: pathWithCountersign(stack.folder),
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'keys']),
  };
  // Some metrics are there once something has happened.
  const token = await stack.signIn(await stack.addAccount('ann@example.test'));
  for (const given of [token, 'junk'])
    await (await fetch(stack.url('orders', '/orders'), { headers: bearer(given) })).text();
  await until(async () => (await enter('countersign doctor')).code === 0, 30_000);
});
afterAll(async () => {
  await stack.stop();
  await redis.stop();
});

/** Runs a line of the page, at the ports of this installation. */
function enter(line: string): Promise<CliResult> {
  const text = line
    .replaceAll('3010', String(stack.ports['operator']))
    .replaceAll('3011', String(stack.ports['ordersManagement']));
  return enterLine(text, { env });
}

it('there are commands', () => {
  expect(lines.length).toBeGreaterThan(12);
});

it('what comes first can be pasted: a forwarded port holds nothing up, and is that of the pod of the alert', async () => {
  const asked = addKubectl(stack.folder, {});
  for (const block of beginning) {
    const { code, out } = await enter(block.join('\n'));
    expect([block, code, out]).toEqual([block, 0, expect.any(String)]);
    if (block.at(-1)!.startsWith('curl')) expect(out).toContain('"status":"ready"');
  }
  const [operator, orders] = ['operator', 'ordersManagement'].map((name) =>
    String(stack.ports[name]),
  );
  const [pod] = /orders-[\w-]+/.exec(page)!;
  expect(asked()).toEqual([
    `kubectl -n countersign port-forward deployment/identity ${operator!}`,
    `kubectl -n countersign logs ${pod} --since=15m`,
    `kubectl -n countersign port-forward pod/${pod} ${orders!}`,
  ]);
});

it('what compose runs inside of a container answers there, with nothing but what is handed over', async () => {
  addDocker(stack.folder, { COUNTERSIGN_OPERATOR_URL: stack.url('operator') });
  const inside = shellLines(page).filter((line) => line.startsWith('docker compose exec '));
  const answers = await Promise.all(inside.map((line) => enter(line)));
  expect(answers.map(({ code, out }) => [code, out])).toEqual([
    [0, expect.stringMatching(/^ok +relay/m)],
    [0, expect.stringContaining('\ncountersign_heartbeat_age_seconds ')],
  ]);
});

it.each(lines)('%s', async (line) => {
  const { code, out } = await enter(line);
  // Nothing was refused here, so nothing counts it.
  const isThere = line.endsWith('countersign_attempts_refused_total') ? /^#/ : /./;
  expect([code, out]).toEqual([0, expect.stringMatching(isThere)]);
});
