import { parseFeedFrame } from '@countersign/revocation';
import type { FeedFrame } from '@countersign/revocation';
import { encodeFrame } from './feed-connection.js';
import { formatCursor, parseCursor } from './snapshot-cursor.js';

const frames: FeedFrame[] = [
  { type: 'begin', epoch: 1, after: 0, head: 2 },
  {
    type: 'revocation',
    event: { epoch: 1, seq: 2, kind: 'sub', id: 'u\n1', cutoff: 5, expiresAt: 9, at: 5 },
  },
  { type: 'end', epoch: 1, head: 2 },
  { type: 'heartbeat', heartbeat: { epoch: 1, head: 2, readAt: 5.25, proof: 'p' } },
  { type: 'goodbye' },
];

it.each(frames)('what is sent is what is read: $type', (frame) => {
  const lines = encodeFrame(frame).split('\n');
  const field = (name: string) =>
    lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  expect(parseFeedFrame(field('event')!, JSON.parse(field('data')!))).toEqual(frame);
});

it('only what can be resumed from carries an id', () => {
  expect(frames.map((frame) => /^id: (.*)$/m.exec(encodeFrame(frame))?.[1])).toEqual([
    undefined,
    '1.2',
    '1.2',
    undefined,
    undefined,
  ]);
});

it('cursors survive their wire form, and nothing else is read as one', () => {
  const cursor = { head: { epoch: 2, seq: 90 }, last: { epoch: 1, seq: 7 } };
  expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
  for (const text of ['', '1.2.3', '1.2.3.4.5', 'a.b.c.d', '-1.2.3.4'])
    expect(parseCursor(text)).toBeUndefined();
});
