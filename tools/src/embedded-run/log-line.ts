/** How a line of a child's log is shown. */
export interface LogStyle {
  /** ANSI colours: only for a terminal. */
  readonly colour: boolean;
  /** Time of day of a line, as it is to be shown. */
  readonly timeOf: (milliseconds: number) => string;
}

const [red, green, yellow, gray] = [31, 32, 33, 90];

/** The levels of a log, with the colour code of each. */
const colours = new Map([
  ['fatal', red],
  ['error', red],
  ['warn', yellow],
  ['info', green],
  ['debug', gray],
  ['trace', gray],
]);

/** Members of a log entry that are shown elsewhere in the line, or say nothing here. */
const notShown = new Set(['level', 'time', 'msg', 'name', 'pid', 'hostname', 'v']);

/**
 * Makes a line of a child's log readable: `12:01:02 orders    INFO  message key=value`. A line that is no JSON log
 * entry stays as it is behind the name. An error's stack follows on lines of its own.
 *
 * Control characters are escaped: a log holds what strangers sent, and a terminal obeys what it is sent.
 */
export function renderLogLine(source: string, line: string, style: LogStyle): string {
  const entry = parseEntry(line);
  const prefix = source.padEnd(9);
  if (entry === undefined) return `${' '.repeat(8)} ${prefix} ${' '.repeat(5)} ${visible(line)}`;
  const name = entry.level.toUpperCase().padEnd(5);
  const colour = String(colours.get(entry.level));
  const shownName = style.colour ? `\x1b[${colour}m${name}\x1b[0m` : name;
  const head = `${style.timeOf(entry.time)} ${prefix} ${shownName}`;
  const message = [entry.message, ...entry.details].filter((part) => part !== '').join(' ');
  return [`${head} ${message}`, ...entry.stack.map((frame) => `${' '.repeat(25)}${frame}`)].join(
    '\n',
  );
}

interface Entry {
  readonly level: string;
  readonly time: number;
  readonly message: string;
  readonly details: readonly string[];
  readonly stack: readonly string[];
}

function parseEntry(line: string): Entry | undefined {
  const value = parseObject(line);
  if (value === undefined) return undefined;
  const { level, msg } = value;
  const time = typeof value['time'] === 'string' ? Date.parse(value['time']) : Number.NaN;
  if (typeof level !== 'string' || !colours.has(level) || Number.isNaN(time)) return undefined;
  const stack = stackOf(value['err']);
  return {
    level,
    time,
    message: typeof msg === 'string' ? visible(msg) : '',
    details: Object.entries(value)
      .filter(([key, detail]) => !notShown.has(key) && detail !== undefined)
      .filter(([key]) => key !== 'err' || stack.length === 0)
      .map(([key, detail]) => `${visible(key)}=${show(detail)}`),
    stack,
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function stackOf(error: unknown): string[] {
  if (typeof error !== 'object' || error === null) return [];
  const { stack } = error as { stack?: unknown };
  return typeof stack === 'string' ? stack.split('\n').map(visible) : [];
}

function show(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return visible(value);
  return visible(JSON.stringify(value));
}

function visible(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
