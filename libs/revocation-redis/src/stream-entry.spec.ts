import type { RevocationEvent } from '@countersign/revocation';
import { decodeEntry, encodeHeartbeat, encodeMark, encodeRevocation } from './stream-entry.js';

const event: RevocationEvent = {
  epoch: 1,
  seq: 42,
  kind: 'sub',
  id: '5b0f4cf6-6b0a-4b57-9f6c-1c6f3f3c6f4e',
  cutoff: 1_763_720_000,
  expiresAt: 1_763_720_420,
  at: 1_763_720_000,
};
const read = ([field, value]: readonly [string, string]) => decodeEntry(['1-1', [field, value]]);

it('a revocation comes out as it went in', () => {
  expect(read(encodeRevocation(event))).toEqual({ frame: { type: 'revocation', event } });
  const wanted: RevocationEvent = { ...event, receiptWanted: true };
  expect(read(encodeRevocation(wanted))).toEqual({
    frame: { type: 'revocation', event: wanted },
  });
  const kid: RevocationEvent = { epoch: 1, seq: 1, kind: 'kid', id: 'k', expiresAt: null, at: 5 };
  expect(read(encodeRevocation(kid))).toEqual({ frame: { type: 'revocation', event: kid } });
});

it('a revocation takes less room than its wire shape', () => {
  expect(encodeRevocation(event).join('').length).toBeLessThan(JSON.stringify(event).length - 20);
});

it('marks and heartbeats carry the generation', () => {
  expect(read(encodeMark('begin', { epoch: 2, head: 7, generation: 3 }))).toEqual({
    frame: { type: 'begin', epoch: 2, after: 0, head: 7 },
    generation: 3,
  });
  expect(read(encodeMark('end', { epoch: 2, head: 7, generation: 3 }))).toEqual({
    frame: { type: 'end', epoch: 2, head: 7 },
    generation: 3,
  });
  const heartbeat = { epoch: 2, head: 7, readAt: 1_763_720_000.25, proof: 'p' };
  expect(read(encodeHeartbeat(heartbeat, 3))).toEqual({
    frame: { type: 'heartbeat', heartbeat },
    generation: 3,
  });
});

it('unknown types and members are ignored, for the sake of later versions', () => {
  expect(read(['z', '{}'])).toBeUndefined();
  const [field, value] = encodeRevocation(event);
  const later = JSON.stringify({ ...(JSON.parse(value) as object), of_a_later_version: 1 });
  expect(read([field, later])).toEqual({ frame: { type: 'revocation', event } });
});

it.each<[string, string, string]>([
  ['not JSON', 'r', 'nonsense'],
  ['not an object', 'r', '7'],
  ['a revocation without id', 'r', '{"e":1,"s":1,"k":"sid","x":5,"a":5}'],
  ['a heartbeat without generation', 'h', '{"e":1,"h":1,"read_at":5,"proof":"p"}'],
  ['a mark of a negative generation', 'b', '{"e":1,"h":1,"g":-1}'],
])('an entry that is %s is malformed', (_, field, value) => {
  expect(() => read([field, value])).toThrow('is not');
});
