/** One step of the demonstration, told for each kind of credential. */
export interface StepRow {
  readonly step: string;
  readonly session: string;
  readonly plainJwt: string;
  readonly countersign: string;
}

/** One step of the tour of sessions. */
export interface TourRow {
  readonly step: string;
  readonly happened: string;
}

/** Renders steps as a table in plain text, as wide as its longest cells. */
export function renderTable(rows: readonly StepRow[]): string {
  return render(
    ['Step', 'Server session', 'Plain JWT', 'Countersign token'],
    rows.map(({ step, session, plainJwt, countersign }) => [step, session, plainJwt, countersign]),
  );
}

/** The same for the steps of the tour. */
export function renderTour(rows: readonly TourRow[]): string {
  return render(
    ['Sessions', 'What happens'],
    rows.map(({ step, happened }) => [step, happened]),
  );
}

function render(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width));
  return [headings, rule, ...rows].map(line).join('\n');
}
