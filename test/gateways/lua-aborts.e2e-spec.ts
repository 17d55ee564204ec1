import { statSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { until } from '../stack.js';
import { EchoUpstream } from './echo.js';
import type { Edge } from './edges.js';
import { startLoneEdge } from './lone-edge.js';
import { send } from './send.js';

jest.setTimeout(240_000);

let echo: EchoUpstream;
let edges: readonly Edge[] = [];
const ALLOWS = 'txn:set_var("txn.is_let_in", true)';
beforeAll(async () => {
  echo = await EchoUpstream.start();
});
afterAll(async () => {
  for (const edge of edges) await edge.stop();
  echo.stop();
});

async function startHaproxy(change: (lua: string) => string): Promise<Edge> {
  const edge = await startLoneEdge('haproxy', echo, { 'forward-auth.lua': change });
  edges = [...edges, edge];
  return edge;
}

const answersOf = async ({ origin }: Edge) =>
  Promise.all(
    ['/orders', '/payments'].map(async (target) => {
      const n = `${target}-${origin}`;
      const headers = ['Authorization: Bearer whatever'];
      const answer = await send(origin, { target: `${target}?n=${n}`, headers });
      return `${String(answer.status)} ${answer.code} ${echo.received(n) ? 'served' : 'kept'}`;
    }),
  );

test('HAProxy lets in whom identity names', async () => {
  const edge = await startHaproxy((lua) => lua);
  expect(await answersOf(edge)).toEqual(['200  served', '200  served']);
});

test('HAProxy asks over a file that nobody else may open: identity believes whoever asks there', () => {
  const { mode } = statSync(join(edges[0]!.folder, 'forward-auth.sock'));
  expect(mode & 0o777).toBe(0o600);
});

test.each([
  ['before it asks', 'local answer =', 'error("out of memory")\n  local answer ='],
  ['when it is almost done', ALLOWS, `error("out of memory")\n    ${ALLOWS}`],
])('HAProxy lets nobody in when its Lua aborts %s', async (_, where, aborting) => {
  const edge = await startHaproxy((lua) => lua.replace(where, aborting));
  const refused = '503 forward_auth_unavailable kept';
  expect(await answersOf(edge)).toEqual([refused, refused]);
  await until(() => edge.output().includes('out of memory'), 20_000);
});
