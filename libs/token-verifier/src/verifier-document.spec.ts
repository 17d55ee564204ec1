import { existsSync, readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const text = read('docs/verifier.md');
const SOURCE = 'libs/token-verifier/src';
/** The source files by name: no two have the same. */
const pathOf = new Map(
  readdirSync(new URL(SOURCE, root), { encoding: 'utf8', recursive: true }).map((path) => [
    path.replace(/^.*\//, ''),
    path,
  ]),
);

it('docs/verifier.md names files and tests that are there', () => {
  for (const [, path = ''] of text.matchAll(/`([\w./-]+\.(?:ts|mjs|json))`/g)) {
    const isThere = path.includes('/') ? existsSync(new URL(path, root)) : pathOf.has(path);
    expect([path, isThere]).toEqual([path, true]);
  }
  const tests = [...pathOf.values()]
    .filter((path) => path.endsWith('spec.ts'))
    .map((path) => read(`${SOURCE}/${path}`))
    .join();
  for (const [, named = ''] of text.matchAll(/\(("[^)]+)\)/g)) {
    for (const [, sentence = ''] of named.matchAll(/"([^"]+)"/g)) expect(tests).toContain(sentence);
  }
});

it('every behaviour has its row, and every row of the checklist a vector or a test', () => {
  for (let n = 1; n <= 24; n += 1) expect(text).toContain(`\n| B${String(n)} `);
  const files = ['vectors/access-tokens.json', 'vectors/key-sets.json'];
  const cases = files.flatMap(
    (file) => (JSON.parse(read(file)) as { cases: { ref: string }[] }).cases,
  );
  const covered = new Set(cases.map(({ ref }) => ref));
  for (let n = 1; n <= 31; n += 1) {
    const row = `C${String(n)}`;
    expect([row, covered.has(row) || text.includes(`\n| ${row} `)]).toEqual([row, true]);
  }
});
