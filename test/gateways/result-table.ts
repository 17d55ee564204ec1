/** What each gateway has answered, for people to read. */
export class ResultTable {
  readonly #rows = new Map<string, Map<string, string>>();

  constructor(private readonly names: readonly string[]) {}

  /** Notes what `judge` finds; `FAILED` when it throws, which it goes on to do. */
  async note(name: string, row: string, judge: () => Promise<string>): Promise<void> {
    const cells = this.#rows.get(row) ?? new Map<string, string>();
    this.#rows.set(row, cells.set(name, 'FAILED'));
    cells.set(name, await judge());
  }

  text(): string {
    const rows = [...this.#rows].map(([row, cells]) => [
      row,
      ...this.names.map((name) => cells.get(name) ?? '-'),
    ]);
    const all = [['request', ...this.names], ...rows];
    const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
    return all
      .map((row) =>
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  }
}
