import { filesUnder } from '../named-tests.js';
import { checkPage } from './asvs-page.js';
import { REQUIREMENTS } from './requirements.js';

const read = filesUnder(new URL('../../../', import.meta.url));
const page = read('docs/security/asvs.md') ?? '';
const faultsOf = (text: string) => checkPage(text, read).faults;

it('docs/security/asvs.md has every requirement once, and every test that it names is there', () => {
  const { faults, counts, tests } = checkPage(page, read);
  expect(faults).toEqual([]);
  expect(REQUIREMENTS.size).toBe(60);
  expect(counts.shown + counts.absent + counts.operator + counts.gap).toBe(REQUIREMENTS.size);
  expect(tests.length).toBeGreaterThanOrEqual(counts.shown);
});

describe('it is noticed when', () => {
  const line = page.split('\n').find((text) => text.startsWith('| 9.1.1 ')) ?? '';
  it.each([
    ['a row is missing', page.replace(line, '')],
    ['a row is there twice', page.replace(line, `${line}\n${line}`)],
    ['a test has another name', page.replace('$ref $name: $code', '$ref $name: another')],
    ['a file is not there', page.replace('src/vectors.spec.ts', 'src/gone.spec.ts')],
    ['a row names no test', page.replace(line, '| 9.1.1 | 1 | signed | shown | surely |')],
    ['a level is wrong', page.replace(line, line.replace('| 1 ', '| 2 '))],
    ['there is no such status', page.replace(line, line.replace('shown', 'done '))],
    ['there is no reason', page.replace(line, '| 9.1.1 | 1 | signed | gap | later |')],
    ['the counts are not those of the rows', page.replace('**shown ', '**shown 1')],
  ])('%s', (_, text) => {
    expect(text).not.toBe(page);
    expect(faultsOf(text)).not.toEqual([]);
  });
});
