import { missingTests, rowsOf, testsIn } from '../named-tests.js';
import type { NamedTest, ReadFile } from '../named-tests.js';
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

export interface CheckedPage {
  readonly faults: readonly string[];
  readonly counts: Readonly<Record<Status, number>>;
  readonly tests: readonly NamedTest[];
}

/**
 * Checks that the page has every requirement once, and that what it names is there.
 *
 * @param text the page, Markdown
 */
export function checkPage(text: string, read: ReadFile): CheckedPage {
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

function faultsOf({ id, level, status, why }: Row, read: ReadFile): string[] {
  const faults = missingTests(why, read);
  if (REQUIREMENTS.get(id) !== Number(level)) faults.push('is not of that level, or is not asked');
  if (status === 'shown' && testsIn(why).length === 0) faults.push('names no test');
  if (status !== 'shown' && why.length < 20) faults.push('gives no reason');
  return faults;
}

function readRows(text: string): Row[] {
  return rowsOf(text).flatMap(([id = '', level = '', asked = '', status = '', why = '']) =>
    /^\d\.\d+\.\d+$/.test(id) ? [{ id, level, asked, status, why }] : [],
  );
}

function isStatus(text: string): text is Status {
  return (STATUSES as readonly string[]).includes(text);
}
