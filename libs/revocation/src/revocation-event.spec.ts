import { parseFeedFrame } from './feed-frame.js';
import { formatPosition, parsePosition } from './position.js';
import {
  parseRevocationEvent,
  RevocationFormatError,
  serializeRevocationEvent,
} from './revocation-event.js';

const good = { epoch: 1, seq: 7, kind: 'sid', id: 'abc', expires_at: 2_000, at: 1_000 };

it('reads what it writes', () => {
  for (const json of [
    good,
    { ...good, kind: 'sub', cutoff: 1_000 },
    { ...good, kind: 'kid', expires_at: null },
    { ...good, receipt_wanted: true },
  ]) {
    expect(serializeRevocationEvent(parseRevocationEvent(json))).toEqual(json);
  }
});

it('ignores members that a later version may add', () => {
  expect(parseRevocationEvent({ ...good, reason: 'x' })).not.toHaveProperty('reason');
});

it.each([false, 1, 'true', null])('a wish for receipts of %p is none', (wish) => {
  expect(parseRevocationEvent({ ...good, receipt_wanted: wish })).not.toHaveProperty(
    'receiptWanted',
  );
});

it.each([
  ['not an object', 7],
  ['null', null],
  ['no epoch', { ...good, epoch: undefined }],
  ['a fractional seq', { ...good, seq: 1.5 }],
  ['seq zero', { ...good, seq: 0 }],
  ['an unknown kind', { ...good, kind: 'ip' }],
  ['a kind from the prototype', { ...good, kind: 'constructor' }],
  ['an empty id', { ...good, id: '' }],
  ['a huge id', { ...good, id: 'x'.repeat(257) }],
  ['an id that is no string', { ...good, id: ['x'] }],
  ['a session with a cut-off', { ...good, cutoff: 1 }],
  ['a user without a cut-off', { ...good, kind: 'sub' }],
  ['a cut-off in the future', { ...good, kind: 'sub', cutoff: 1_061 }],
  ['an endless session', { ...good, expires_at: null }],
  ['an infinite expiry', { ...good, expires_at: Infinity }],
  ['an expiry years away', { ...good, expires_at: 1_000 + 400 * 86_400 }],
  ['a key that would come back', { ...good, kind: 'kid' }],
])('refuses %s, without quoting it', (_name, value) => {
  expect(() => parseRevocationEvent(value)).toThrow(RevocationFormatError);
});

it('positions survive their wire form, and nothing else is read as one', () => {
  expect(parsePosition(formatPosition({ epoch: 3, seq: 99 }))).toEqual({ epoch: 3, seq: 99 });
  for (const text of ['', '3', '3.', '.9', '-1.2', '1.2.3', '1e3.2', ' 1.2', '1.2\n']) {
    expect(parsePosition(text)).toBeUndefined();
  }
});

it('frames of a later version are skipped, malformed known ones are not', () => {
  expect(parseFeedFrame('weather', {})).toBeUndefined();
  expect(() => parseFeedFrame('begin', { epoch: 1, after: 3, head: 2 })).toThrow(
    RevocationFormatError,
  );
  expect(() =>
    parseFeedFrame('heartbeat', { epoch: 1, head: 2, read_at: 'now', proof: 'p' }),
  ).toThrow(RevocationFormatError);
});
