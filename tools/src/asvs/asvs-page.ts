import { REQUIREMENTS } from './requirements.js';

/** How a requirement is met: by tests; not at all, since there is no such feature; by whoever runs it; or it is not. */
export const STATUSES = ['shown', 'absent', 'operator', 'gap'] as const;
export type Status = (typeof STATUSES)[number];

interface Row {
  readonly id: string;
  readonly level: string;
  readonly asked: string;
  readonly status: string;
  readonly why: string;
}

/** A test that the page names. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
}

export interface CheckedPage {
  readonly faults: readonly string[];
  readonly counts: Readonly<Record<Status, number>>;
  readonly tests: readonly NamedTest[];
}

/**
 * Checks that the page has every requirement once, and that what it names is there.
 *
 * @param text the page, Markdown
 * @param read gives the text of a file of the repository, `undefined` when there is none
 */
export function checkPage(text: string, read: (path: string) => string | undefined): CheckedPage {
  const rows = readRows(text);
  const faults: string[] = [];
  const counts = { shown: 0, absent: 0, operator: 0, gap: 0 };
  for (const id of REQUIREMENTS.keys()) {
    const found = rows.filter((row) => row.id === id).length;
    if (found !== 1) faults.push(`${id} has ${String(found)} rows`);
  }
  for (const row of rows) {
    if (!isStatus(row.status)) {
      faults.push(`${row.id} has no status`);
      continue;
    }
    counts[row.status] += 1;
    faults.push(...faultsOf(row, read).map((fault) => `${row.id}: ${fault}`));
  }
  const said = `shown ${String(counts.shown)} · absent ${String(counts.absent)} · operator ${String(counts.operator)} · gap ${String(counts.gap)}`;
  if (!text.includes(`**${said}**`)) faults.push(`the page does not say: ${said}`);
  return { faults, counts, tests: rows.flatMap(({ why }) => testsIn(why)) };
}

function faultsOf({ id, level, status, why }: Row, read: (path: string) => string | undefined) {
  const tests = testsIn(why);
  const faults = tests.filter((test) => !isThere(test, read)).map(nameOf);
  if (REQUIREMENTS.get(id) !== Number(level)) faults.push('is not of that level, or is not asked');
  if (status === 'shown' && tests.length === 0) faults.push('names no test');
  if (status !== 'shown' && why.length < 20) faults.push('gives no reason');
  return faults;
}

const nameOf = ({ file, title }: NamedTest) => `there is no test "${title}" in ${file}`;

function isThere({ file, title }: NamedTest, read: (path: string) => string | undefined): boolean {
  const quoted = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?:\\bit|\\btest|\\))\\(\\s*(['"\`])${quoted}\\1`).test(read(file) ?? '');
}

function readRows(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, id = '', level = '', asked = '', status = '', why = ''] = cells;
    return /^\d\.\d+\.\d+$/.test(id) ? [{ id, level, asked, status, why }] : [];
  });
}

/** `path`: "title", "another title" */
function testsIn(cell: string): NamedTest[] {
  return [...cell.matchAll(/`([\w./-]+spec\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)].flatMap(
    ([, file = '', titles = '']) =>
      [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  );
}

function isStatus(text: string): text is Status {
  return (STATUSES as readonly string[]).includes(text);
}
