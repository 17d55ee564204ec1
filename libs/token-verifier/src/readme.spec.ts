import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { REJECTION_CODES, UNAVAILABILITY_CODES } from './errors.js';

const read = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
const readme = read('../README.md');

/** The words in code style in the first column of the tables under a heading. */
function firstColumn(heading: string): string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const cells = [...section.matchAll(/^\| (`[^|]*)\|/gm)].map(([, cell]) => cell ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word ?? ''));
}

test('the table of errors names every code, in its family and in the order of the checks', () => {
  expect(firstColumn('Errors')).toEqual([...REJECTION_CODES, ...UNAVAILABILITY_CODES]);
});

test('the table of options names every option, and none that is not there', () => {
  const source = read('./token-verifier-options.ts');
  const [, members = ''] = /interface VerifierSettings \{\n(.*?)\n\}/s.exec(source) ?? [];
  const options = [...members.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
  expect(firstColumn('Options').sort()).toEqual(['environment', ...options].sort());
});
