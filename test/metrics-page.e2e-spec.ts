import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { startThrowAwayRedis } from '@countersign/test-kit';
import { bearer, Stack } from './stack.js';

jest.setTimeout(240_000);

const page = readFileSync(new URL('../docs/operations/metrics.md', import.meta.url), 'utf8');
/** Those of the process itself, which the client library of Prometheus names. */
const OF_THE_PROCESS = /^countersign_(process|nodejs)_/;

/** `name type labels` of each row of a section. */
function rowsOf(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `(\w+)` +\| (\w+) +\| ([^|]*?) +\|/gm)].map(
    ([, name = '', type = '', labels = '']) =>
      [name, type, ...labels.replaceAll('`', '').split(', ')].join(' ').trim(),
  );
}

/** The same of what a process tells, with the labels that were seen. */
async function toldBy(url: string): Promise<Map<string, string>> {
  const text = await (await fetch(url)).text();
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Map(
    types.flatMap(([, name = '', type = '']) => {
      if (OF_THE_PROCESS.test(name)) return [];
      const samples = [...text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\} `, 'gm'))];
      const labels = samples.flatMap(([, all = '']) =>
        [...all.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
      );
      const said = [...new Set(labels)].filter((label) => label !== 'le');
      return [[name, [name, type, ...said].join(' ')] as const];
    }),
  );
}

it('docs/operations/metrics.md names the metrics that there are, and no others', async () => {
  const redis = await startThrowAwayRedis();
  const stack = await Stack.start(undefined, { REDIS_URL: redis.url });
  try {
    const token = await stack.signIn(await stack.addAccount('ann@example.test'));
    for (const path of ['/orders', '/auth/me', '/payments']) {
      for (const given of [token, 'junk']) {
        await (await fetch(stack.url('gateway', path), { headers: bearer(given) })).text();
      }
    }
    const shared = rowsOf('Every process');
    for (const [heading, door, more] of [
      ['Identity', 'operator', 'Every verifier'],
      ['Gateway', 'gatewayManagement', 'Every verifier'],
      ['', 'ordersManagement', 'Every verifier'],
      ['', 'paymentsManagement', 'Every verifier'],
    ] as const) {
      const told = await toldBy(stack.url(door, '/metrics'));
      const rows = [...shared, ...rowsOf(more), ...(heading === '' ? [] : rowsOf(heading))];
      const names = rows.map((row) => row.split(' ')[0]);
      expect([door, [...told.keys()].sort()]).toEqual([door, names.sort()]);
      // What has not happened yet has no labels.
      for (const [name, row] of told) {
        const written = rows.find((one) => one.startsWith(`${name} `));
        if (row.split(' ').length > 2) expect(row).toBe(written);
        else expect(written).toMatch(new RegExp(`^${row}\\b`));
      }
    }
  } finally {
    await stack.stop();
    await redis.stop();
  }
});
