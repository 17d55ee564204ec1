import { jest } from '@jest/globals';
import { createLogger } from './logger.js';
import { requestLog } from './request-log.js';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

function start() {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    name: 'a service',
    level: 'trace',
    format: 'json',
    destination: {
      write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    },
  });
  return { logger, lines, child: jest.spyOn(logger, 'child') };
}

it('every line of a request has what it is bound to', () => {
  const { logger, lines } = start();
  const log = requestLog(logger, { reqId: 'r1' });
  for (const level of LEVELS) log[level]({ token: 'a secret' }, 'said %s', level);
  log.child({ more: 1 }).warn('by a child');
  log.silent({}, 'nothing');
  const said = (line: object): unknown => expect.objectContaining({ ...line, reqId: 'r1' });
  expect(lines).toEqual([
    ...LEVELS.map((level) => said({ level, token: '[redacted]', msg: `said ${level}` })),
    said({ level: 'warn', more: 1, msg: 'by a child' }),
  ]);
});

it('is made when somebody writes, and once', () => {
  const { logger, child } = start();
  const log = requestLog(logger, { reqId: 'r1' });
  expect([log.level, child.mock.calls.length]).toEqual(['trace', 0]);
  log.info({}, 'one');
  log.info({}, 'two');
  expect(child).toHaveBeenCalledTimes(1);
});
