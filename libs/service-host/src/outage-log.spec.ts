import { OutageLog } from './outage-log.js';

it('tells once that something fails, with the reason, and once that it works again, with how long that lasted', () => {
  const told: unknown[] = [];
  const logger = {
    warn: (...line: unknown[]) => void told.push(['warn', ...line]),
    info: (...line: unknown[]) => void told.push(['info', ...line]),
  };
  let now = 7;
  const log = new OutageLog(
    logger as never,
    { fails: 'it fails', worksAgain: 'it works' },
    () => now,
  );
  const away = new Error('unavailable', { cause: new Error('connect ECONNREFUSED') });
  const ours = new TypeError('no such thing');
  log.worked();
  for (let turn = 0; turn < 5; turn += 1) {
    log.failed(away);
    now += 1_000;
  }
  log.worked();
  log.worked();
  log.failed(ours);
  expect(told).toEqual([
    ['warn', { reason: 'connect ECONNREFUSED' }, 'it fails'],
    ['info', { seconds: 5, failures: 5 }, 'it works'],
    ['warn', { reason: 'no such thing', err: ours }, 'it fails'],
  ]);
});
