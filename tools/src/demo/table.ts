/** One step of the demonstration, told for each kind of credential. */
export interface StepRow {
  readonly step: string;
  readonly session: string;
  readonly plainJwt: string;
  readonly countersign: string;
}

const HEADINGS: StepRow = {
  step: 'Step',
  session: 'Server session',
  plainJwt: 'Plain JWT',
  countersign: 'Countersign token',
};
const COLUMNS = ['step', 'session', 'plainJwt', 'countersign'] as const;

/** Renders rows as a table in plain text, as wide as its longest cells. */
export function renderTable(rows: readonly StepRow[]): string {
  const widths = COLUMNS.map((column) =>
    Math.max(...[HEADINGS, ...rows].map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width));
  const body = rows.map((row) => COLUMNS.map((column) => row[column]));
  return [COLUMNS.map((column) => HEADINGS[column]), rule, ...body].map(line).join('\n');
}
