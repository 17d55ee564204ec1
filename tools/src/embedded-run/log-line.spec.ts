import { type LogStyle, renderLogLine } from './log-line.js';

const plain: LogStyle = { colour: false, timeOf: () => '12:01:02' };

function render(entry: unknown, style = plain): string {
  return renderLogLine('orders', JSON.stringify(entry), style);
}

describe('a line of a log', () => {
  it('shows time, source, level, message and the rest', () => {
    const entry = {
      level: 'info',
      time: '2025-11-21T12:01:02.000Z',
      name: 'orders',
      pid: 7,
      hostname: 'h',
      msg: 'order placed',
      id: 'a1',
      amount_cents: 1250,
      note: 'two words',
      nested: { a: [1] },
      gone: undefined,
    };
    expect(render(entry)).toBe(
      '12:01:02 orders    INFO  order placed id=a1 amount_cents=1250 note="two words" nested={"a":[1]}',
    );
  });

  it.each([
    ['trace', 'TRACE'],
    ['debug', 'DEBUG'],
    ['info', 'INFO '],
    ['warn', 'WARN '],
    ['error', 'ERROR'],
    ['fatal', 'FATAL'],
  ])('names level %s', (level, name) => {
    expect(render({ level, time: '1970-01-01T00:00:00.000Z', msg: 'm' })).toBe(
      `12:01:02 orders    ${name} m`,
    );
  });

  it('takes the time from the line', () => {
    const style: LogStyle = { colour: false, timeOf: (time) => String(time) };
    expect(render({ level: 'info', time: '2026-01-01T00:00:00Z', msg: 'm' }, style)).toMatch(
      /^1767225600000 orders/,
    );
  });

  it("puts an error's stack on lines of its own", () => {
    const err = { type: 'Error', message: 'no', stack: 'Error: no\n    at f (a.js:1:1)' };
    const [first, second, third] = render({
      level: 'error',
      time: '1970-01-01T00:00:00.000Z',
      msg: 'failed',
      err,
    }).split('\n');
    expect(first).toBe('12:01:02 orders    ERROR failed');
    expect(second?.trim()).toBe('Error: no');
    expect(third).toMatch(/^\s+at f \(a\.js:1:1\)$/);
    expect(
      render({
        level: 'error',
        time: '1970-01-01T00:00:00.000Z',
        msg: 'failed',
        err: { message: 'no' },
      }),
    ).toContain('err={"message":"no"}');
  });

  it('has colour only when asked', () => {
    expect(
      render(
        { level: 'error', time: '1970-01-01T00:00:00.000Z', msg: 'm' },
        { ...plain, colour: true },
      ),
    ).toContain('\x1b[31mERROR\x1b[0m');
  });

  it.each([
    'Server listening',
    '{"broken',
    '{"no":"entry"}',
    '[1]',
    '{"level":"info","time":"x"}',
    '',
  ])('that is no entry is passed on: %p', (line) => {
    expect(renderLogLine('orders', line, plain)).toMatch(/^ {8} orders {4}/);
    expect(renderLogLine('orders', line, plain).endsWith(line)).toBe(true);
  });

  it('cannot give orders to the terminal', () => {
    const clearScreen = '\x1b[2J';
    for (const line of [
      clearScreen,
      JSON.stringify({
        level: 'info',
        time: '1970-01-01T00:00:00.000Z',
        msg: clearScreen,
        [clearScreen]: clearScreen,
      }),
      JSON.stringify({
        level: 'error',
        time: '1970-01-01T00:00:00.000Z',
        msg: 'm',
        err: { stack: clearScreen },
      }),
      JSON.stringify({ level: 'info', time: '1970-01-01T00:00:00.000Z', msg: 'a\rb\nc\u009b2J' }),
    ]) {
      const shown = renderLogLine('orders', line, plain).replaceAll('\n', '');
      expect(shown).not.toMatch(/\p{Cc}/u);
    }
  });
});
