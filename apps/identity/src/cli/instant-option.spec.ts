import { parseInstant } from './instant-option.js';
import { instant } from './table.js';

it('an instant is seconds, or ISO 8601 with its offset', () => {
  expect(parseInstant('1772366400')).toBe(1_772_366_400);
  expect(parseInstant('2026-03-01T12:00:00Z')).toBe(1_772_366_400);
  expect(parseInstant('2026-03-01T13:00:00.9+01:00')).toBe(1_772_366_400);
  expect(instant(1_772_366_400.7)).toBe('2026-03-01T12:00:00Z');
});

it.each(['', 'now', '2026-03-01', '2026-03-01T12:00:00', '-1', '1e9', '2026-13-01T12:00:00Z'])(
  'refuses %j, which could be taken for another',
  (text) => expect(() => parseInstant(text)).toThrow('2026-03-01T12:00:00Z'),
);
