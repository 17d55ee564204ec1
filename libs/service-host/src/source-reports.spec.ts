import { jest } from '@jest/globals';
import { createLogger } from './logger.js';
import { reportSources } from './source-reports.js';

it('tells once that a source fails, tells another reason, and that it works again', () => {
  jest.useFakeTimers();
  const told: unknown[] = [];
  const logger = createLogger({ name: 'test', level: 'silent', format: 'json' });
  for (const level of ['warn', 'info'] as const) {
    logger[level] = (...[fields, text]: unknown[]) => void told.push([level, fields, text]);
  }
  let lastError: string | undefined;
  const sources = () => [{ name: 'redis', connected: lastError === undefined, lastError }];
  const end = reportSources(logger, { state: () => ({ revocation: { sources: sources() } }) });
  try {
    for (const next of [undefined, 'refused', 'refused', 'silent', undefined, undefined]) {
      lastError = next;
      jest.advanceTimersByTime(1_000);
    }
    end();
    lastError = 'after the end';
    jest.advanceTimersByTime(5_000);
  } finally {
    end();
    jest.useRealTimers();
  }
  expect(told).toEqual([
    ['warn', { source: 'redis', reason: 'refused' }, 'no revocations arrive from a source'],
    ['warn', { source: 'redis', reason: 'silent' }, 'no revocations arrive from a source'],
    ['info', { source: 'redis' }, 'revocations arrive again'],
  ]);
});
