import { existsSync, readFileSync } from 'node:fs';

/** A test that a page names. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
}

/** Gives the text of a file of the repository, `undefined` when there is none. */
export type ReadFile = (path: string) => string | undefined;

export const filesUnder =
  (root: URL): ReadFile =>
  (path) => {
    const url = new URL(path, root);
    return existsSync(url) ? readFileSync(url, 'utf8') : undefined;
  };

/** The cells of each line of a Markdown text that is a row of a table. A `\|` ends no cell. */
export function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The tests that a text names as `path`: "title", "another title". */
export function testsIn(text: string): NamedTest[] {
  return [...text.matchAll(/`([\w./-]+spec\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)].flatMap(
    ([, file = '', titles = '']) =>
      [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  );
}

/** One sentence for each test that a text names and that is not there. */
export function missingTests(text: string, read: ReadFile): string[] {
  return testsIn(text)
    .filter((test) => !isThere(test, read))
    .map(({ file, title }) => `there is no test "${title}" in ${file}`);
}

function isThere({ file, title }: NamedTest, read: ReadFile): boolean {
  const quoted = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?:\\bit|\\btest|\\))\\(\\s*(['"\`])${quoted}\\1`).test(read(file) ?? '');
}
