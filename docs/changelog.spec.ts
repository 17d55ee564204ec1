import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8');

/** What the headings of a release may be: parts of the product, as people look for them. */
const PARTS = [
  'Signing in and accounts',
  'Sessions',
  'Access tokens and signing keys',
  'Revocation',
  'Limits on guessing',
  'Service tokens',
  'Libraries for services',
  'Gateways',
  'Operators and the command line',
  'Running it',
  'Described',
];

/** What is wrong with a changelog, in the order of its lines. */
function faultsIn(changelog: string): string[] {
  let part: string | undefined;
  return changelog.split('\n').flatMap((line) => {
    const [, heading] = /^## (.+)$/.exec(line) ?? [];
    if (heading !== undefined) {
      part = undefined;
      return /^Unreleased$|^\d+\.\d+\.\d+ \(\d{4}-\d{2}-\d{2}\)$/.test(heading) ? [] : [line];
    }
    if (line.startsWith('### ')) {
      part = line.slice(4);
      return PARTS.includes(part) ? [] : [line];
    }
    return line.startsWith('- ') && part === undefined ? [line] : [];
  });
}

it('a release is told by parts of the product, and every entry belongs to one', () => {
  expect(text.match(/^- /gm)?.length).toBeGreaterThan(60);
  expect(faultsIn(text)).toEqual([]);
});

it('an entry below no part, a part that is none, and a release without its day are noticed', () => {
  const wrong = '## 1.0.0\n\nThe main job:\n\n- a thing.\n\n### Step two\n\n- another.\n';
  expect(faultsIn(wrong)).toEqual(['## 1.0.0', '- a thing.', '### Step two']);
});
