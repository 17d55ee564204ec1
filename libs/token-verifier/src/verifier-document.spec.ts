import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const text = read('docs/verifier.md');

it('docs/verifier.md names files and tests that are there', () => {
  for (const [, path = ''] of text.matchAll(/`([\w./-]+\.(?:ts|mjs|json))`/g)) {
    const from = path.includes('/') ? root : new URL('libs/token-verifier/src/', root);
    expect([path, existsSync(new URL(path, from))]).toEqual([path, true]);
  }
  const specs = ['keys-and-outages.int-spec', 'token-verifier.spec', 'verified-tokens.spec'];
  const tests = specs.map((name) => read(`libs/token-verifier/src/${name}.ts`)).join();
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
