import type { LoggerService } from '@nestjs/common';
import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { default as pretty } from 'pino-pretty';
import { harmless, redactText, SECRET_MEMBERS } from './redact.js';
import { traceOfLine } from './tracing.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly name: string;
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** Where lines go. Default: standard output, written at once so that nothing is lost at an exit. */
  readonly destination?: DestinationStream;
}

/** Makes a logger that writes one JSON (or readable) line per event and lets no secret through. */
export function createLogger({ name, level, format, destination }: LoggerOptions): Logger {
  const out = destination ?? pino.destination({ dest: 1, sync: true });
  const sink =
    format === 'pretty' ? pretty({ destination: out, ignore: 'pid,hostname,name' }) : out;
  return pino(
    {
      name,
      level,
      base: { name },
      // For people and for what collects logs: names and instants that need no table.
      formatters: { level: (label) => ({ level: label }) },
      timestamp: stdTimeFunctions.isoTime,
      mixin: traceOfLine,
      redact: { paths: secretPaths(), censor: '[redacted]' },
      serializers: { err: describeError, error: describeError },
    },
    { write: (line) => void sink.write(harmless(redactText(line), format)) },
  );
}

function secretPaths(): string[] {
  return SECRET_MEMBERS.flatMap((member) => [
    `["${member}"]`,
    `*["${member}"]`,
    `*.*["${member}"]`,
  ]);
}

/** Errors by name, message and stack only: other members (queries, parameters, request bodies) may hold secrets. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? String(error.code) : undefined;
  return { name, message, code, stack, cause: cause instanceof Error ? cause.message : undefined };
}

/** Hands Nest's own messages to the process's logger. Its start-up chatter goes to `debug`. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...context: unknown[]): void {
    this.#write('debug', message, context);
  }
  error(message: unknown, ...context: unknown[]): void {
    this.#write('error', message, context);
  }
  warn(message: unknown, ...context: unknown[]): void {
    this.#write('warn', message, context);
  }
  debug(message: unknown, ...context: unknown[]): void {
    this.#write('trace', message, context);
  }
  verbose(message: unknown, ...context: unknown[]): void {
    this.#write('trace', message, context);
  }

  #write(level: 'debug' | 'error' | 'warn' | 'trace', message: unknown, context: unknown[]): void {
    const from = context.at(-1);
    const detail = context.length > 1 ? String(context[0]) : undefined;
    const text = message instanceof Error ? message.message : String(message);
    this.logger[level](
      { context: from, detail, ...(message instanceof Error && { err: message }) },
      text,
    );
  }
}
