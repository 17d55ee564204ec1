/** Rows under headings, aligned, for people. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** An instant of the wire (NumericDate) as people read it; `-` for none. */
export function instant(seconds: number | null): string {
  return seconds === null
    ? '-'
    : new Date(Math.floor(seconds) * 1000).toISOString().replace('.000', '');
}
