import { type LogStyle, renderLogLine } from './log-line.js';
import { isRoutine } from './routine-lines.js';

/** What the person at the terminal sees. */
export interface Terminal {
  print(text: string): void;
  /** One line of a child's log. */
  log(source: string, line: string): void;
  warn(text: string): void;
  /** Runs a step and prints one line about it: how long it took, and what the step says about itself. */
  step<T>(title: string, run: (tell: (detail: string) => void) => Promise<T>): Promise<T>;
}

/**
 * Prints on standard output. Colours only on a terminal, and not with NO_COLOR (https://no-color.org). Routine lines of
 * logs only when details were asked for.
 */
export function openTerminal(
  output: NodeJS.WriteStream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const style: LogStyle = {
    colour: output.isTTY && !env['NO_COLOR'],
    timeOf: (milliseconds) => new Date(milliseconds).toTimeString().slice(0, 8),
  };
  const details = ['debug', 'trace'].includes(env['LOG_LEVEL'] ?? '');
  const print = (text: string): void => void output.write(`${text}\n`);
  return {
    print,
    warn: (text) => print(`! ${text}`),
    log: (source, line) => {
      if (details || !isRoutine(line)) print(renderLogLine(source, line, style));
    },
    step: async (title, run) => {
      const started = performance.now();
      const result = await run((detail) => print(`         ${detail}`));
      const seconds = (performance.now() - started) / 1000;
      print(`${seconds.toFixed(1).padStart(6)} s ${title}`);
      return result;
    },
  };
}
