import { filesUnder, missingTests, rowsOf, testsIn } from '../../tools/src/named-tests.js';

const read = filesUnder(new URL('../../', import.meta.url));
const page = read('docs/security/threats.md') ?? '';

/** What stands in place of a test, followed by the reason. */
const WITHOUT_TEST = /^\*\*(?:accepted|operator|no test)\*\*[\w ]*: .{20}/;
const LETTERS = 'STRIDE';

/** What is wrong with the page: each part of the picture has rows or a reason for each letter; each row a test or a reason. */
function faultsOf(text: string): string[] {
  const faults = missingTests(text, read);
  const ids = new Set<string>();
  for (const section of text.split('\n## ').slice(1)) {
    const rows = rowsOf(section).filter(([id = '']) => /^\d+\.\d+$/.test(id));
    if (rows.length === 0) continue;
    for (const [id = '', letters = '', threat = '', met = '', shown = ''] of rows) {
      if (ids.has(id)) faults.push(`${id} is there twice`);
      ids.add(id);
      if (!/^[STRIDE]+$/.test(letters)) faults.push(`${id} has another letter`);
      if (threat === '' || met === '') faults.push(`${id} does not say what, or how it is met`);
      if (testsIn(shown).length === 0 && !WITHOUT_TEST.test(shown))
        faults.push(`${id} shows nothing`);
    }
    const said = rows.map(([, letters]) => letters).join('');
    const excused = [...section.matchAll(/^No ([STRIDE])[ :]/gm)].map(([, letter]) => letter);
    for (const letter of LETTERS) {
      if (!said.includes(letter) && !excused.includes(letter))
        faults.push(`nothing about ${letter} in ${section.split('\n')[0] ?? ''}`);
    }
  }
  return faults;
}

it('docs/security/threats.md looks at every part by every letter, and every test that it names is there', () => {
  expect(faultsOf(page)).toEqual([]);
  expect(page.match(/^## \d+ /gm)).toHaveLength(14);
  expect(testsIn(page).length).toBeGreaterThan(100);
});

describe('it is noticed when', () => {
  const row = page.split('\n').find((line) => line.startsWith('| 3.1 ')) ?? '';
  it.each([
    ['a test has another name', page.replace('"$ref $name: $code"', '"$ref $name: another"')],
    ['a file is not there', page.replace('src/vectors.spec.ts', 'src/gone.spec.ts')],
    ['a row is there twice', page.replace(row, `${row}\n${row}`)],
    ['a row shows nothing', page.replace(row, '| 3.1 | S | forged | somehow | surely |')],
    ['a row gives no reason', page.replace(row, '| 3.1 | S | forged | no | **accepted**: so |')],
    [
      'a letter is none',
      page.replace(row, '| 3.1 | X | forged | no | **no test**: nobody has tried it |'),
    ],
    ['a letter is left out', page.replace(/^No I: .*$/m, '')],
  ])('%s', (_, text) => {
    expect(text).not.toBe(page);
    expect(faultsOf(text)).not.toEqual([]);
  });
});
