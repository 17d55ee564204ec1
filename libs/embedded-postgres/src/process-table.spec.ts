import { commandOf, isAlive, parseProcStat, startOf } from './process-table.js';

describe('/proc/<pid>/stat', () => {
  it('is read past a command with spaces and brackets', () => {
    const rest = Array.from({ length: 18 }, (_, index) => String(index + 4)).join(' ');
    expect(parseProcStat(`42 (a) b (c)) S ${rest} 987654 23 24`)).toEqual({
      state: 'S',
      startTicks: '987654',
    });
  });

  it('may be cut off', () => {
    expect(parseProcStat('42 (a) S 1')).toBeUndefined();
  });
});

describe('the process table', () => {
  it('knows this process', async () => {
    expect(isAlive(process.pid)).toBe(true);
    expect(await startOf(process.pid)).toBeTruthy();
    expect(await commandOf(process.pid)).toContain('node');
  });

  it('does not know a process that never was', async () => {
    const beyondTheLargest = 2 ** 22 + 1;
    expect(isAlive(beyondTheLargest)).toBe(false);
    expect(await startOf(beyondTheLargest)).toBeUndefined();
  });
});
