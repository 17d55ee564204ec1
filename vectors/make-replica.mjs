// Writes replica.json: what a replica of revocations is told, and what it must make of it. "node vectors/make-replica.mjs"
// The meaning of the steps is in docs/feed-protocol.md. Every expectation is written down here, none is computed.
import { writeFileSync } from 'node:fs';

const NOW = 1_800_000_000;
const UUID = '3f0c9a52-7d1e-4b68-9a4f-0c1d2e3f4a5b';
const token = {
  jti: 't1',
  sub: 'u1',
  client_id: 'c1',
  kid: 'k1',
  iat: NOW,
  sid: 's1',
};

// Steps.
const frame = (type, data = {}, result = 'ok', source = 'a') => ({
  source,
  frame: { type, ...data },
  result,
});
const begin = (head, { epoch = 1, after = 0, result, source } = {}) =>
  frame('begin', { epoch, after, head }, result, source);
const end = (head, { epoch = 1, result, source } = {}) =>
  frame('end', { epoch, head }, result, source);
const revoke = (seq, { result, source, ...event } = {}) =>
  frame(
    'revocation',
    { epoch: 1, seq, kind: 'sid', id: `s${seq}`, expires_at: NOW + 420, at: NOW, ...event },
    result,
    source,
  );
const beat = (head, { epoch = 1, read_at = NOW, result, source } = {}) =>
  frame('heartbeat', { epoch, head, read_at, proof: 'p' }, result, source);
const decide = (revoked, more = {}) => ({ token: { ...token, ...more }, revoked });
const position = (epoch, seq) => ({ position: { epoch, seq } });
const fresh = (freshness) => ({ freshness });
const clocks = (wall, monotonic = wall) => ({ clocks: { wall: NOW + wall, monotonic } });
const sweep = { sweep: true };
const replayed = (head = 0, events = []) => [begin(head), ...events, end(head)];

const cases = [
  ['a session', [...replayed(), revoke(1), decide(true), decide(false, { sid: 's2' })]],
  [
    'a token',
    [
      ...replayed(),
      revoke(1, { kind: 'jti', id: 't1' }),
      decide(true),
      decide(false, { jti: 't' }),
    ],
  ],
  [
    'identifiers that are UUIDs are compared whole',
    [
      ...replayed(),
      revoke(1, { id: UUID }),
      decide(true, { sid: UUID }),
      ...[0, 7, 9, 14, 19, 24, 35].map((at) =>
        decide(false, {
          sid: UUID.slice(0, at) + (UUID[at] === '1' ? '2' : '1') + UUID.slice(at + 1),
        }),
      ),
      decide(false, { sid: UUID.toUpperCase() }),
    ],
  ],
  [
    'a session does not end a user of the same name',
    [...replayed(), revoke(1, { id: 'u1' }), decide(false)],
  ],
  [
    'a token without a session',
    [...replayed(), revoke(1), { token: { ...token, sid: undefined }, revoked: false }],
  ],
  [
    'a key, for ever',
    [
      ...replayed(),
      revoke(1, { kind: 'kid', id: 'k1', expires_at: null }),
      clocks(400_000_000),
      beat(1, { read_at: NOW + 400_000_000 }),
      sweep,
      decide(true),
    ],
  ],
  ...[
    ['sub', 'u1'],
    ['client', 'c1'],
    ['all', '*'],
  ].map(([kind, id]) => [
    `${kind}: up to its cut-off, that second included`,
    [
      ...replayed(),
      revoke(1, { kind, id, cutoff: NOW }),
      decide(true, { iat: NOW - 1 }),
      decide(true),
      decide(false, { iat: NOW + 1 }),
    ],
  ]),
  [
    'the latest cut-off counts, whatever the order',
    [
      ...replayed(),
      revoke(1, { kind: 'sub', id: 'u1', cutoff: NOW }),
      revoke(2, { kind: 'sub', id: 'u1', cutoff: NOW - 100 }),
      decide(true),
    ],
  ],
  [
    'a missing event: replay, and what came stays in force',
    [...replayed(), revoke(2, { id: 's1', result: 'replay' }), position(1, 0), decide(true)],
  ],
  ['repetition changes nothing', [...replayed(), revoke(1), revoke(1), position(1, 1)]],
  [
    'a replay has holes where entries have ended',
    [begin(9), revoke(4), end(9), position(1, 9), decide(true, { sid: 's4' })],
  ],
  ['an event of a replay is in force before its end', [begin(9), revoke(1), decide(true)]],
  ['an end without its beginning', [end(3, { result: 'replay' })]],
  ['an end of something else', [begin(3), end(4, { result: 'replay' })]],
  [
    'a resumed replay goes on from where the replica is',
    [...replayed(5), begin(7, { after: 5 }), revoke(7), end(7), position(1, 7)],
  ],
  [
    'a resumed replay from further on',
    [...replayed(3), begin(9, { after: 5, result: 'replay' }), position(1, 3)],
  ],
  [
    'a new epoch: replay, and the old set stays in force',
    [
      ...replayed(),
      revoke(1),
      revoke(1, { epoch: 2, id: 'x', result: 'replay' }),
      begin(1, { epoch: 2 }),
      end(1, { epoch: 2 }),
      position(2, 1),
      decide(true),
    ],
  ],
  [
    'an earlier epoch is over',
    [
      begin(0, { epoch: 2 }),
      end(0, { epoch: 2 }),
      begin(9, { result: 'replay' }),
      revoke(1),
      beat(9),
      fresh('stale'),
      position(2, 0),
      decide(true),
    ],
  ],
  [
    'a heartbeat ahead of what was applied',
    [...replayed(4), beat(5, { result: 'replay' }), fresh('stale')],
  ],
  [
    'a heartbeat ahead, in the middle of a replay',
    [begin(9), beat(9), fresh('stale'), end(9), beat(9), fresh('fresh')],
  ],
  [
    'fresh, late, stale',
    [
      ...replayed(7),
      fresh('stale'),
      beat(7),
      fresh('fresh'),
      clocks(10),
      fresh('fresh'),
      clocks(10.5),
      fresh('late'),
      clocks(60.5),
      fresh('stale'),
    ],
  ],
  [
    'an old reading is old on arrival',
    [...replayed(), beat(0, { read_at: NOW - 61 }), fresh('stale')],
  ],
  [
    'a wall clock that is set back makes nothing young',
    [...replayed(), beat(0), clocks(-3_600, 61), fresh('stale')],
  ],
  [
    'a wall clock that is a minute slow still serves, a slower one does not until it is set',
    [
      ...replayed(),
      beat(0, { read_at: NOW + 60 }),
      fresh('fresh'),
      beat(0, { read_at: NOW + 61 }),
      fresh('fresh'),
      clocks(-1, 1),
      fresh('stale'),
      beat(0, { read_at: NOW + 62 }),
      fresh('stale'),
      clocks(2, 2),
      fresh('fresh'),
    ],
  ],
  [
    'a repeated older heartbeat does not count',
    [...replayed(), beat(0), beat(0, { read_at: NOW - 59 }), fresh('fresh')],
  ],
  [
    'a heartbeat whose head has fallen keeps nothing fresh: history was lost',
    [
      ...replayed(4),
      beat(4),
      clocks(61, 61),
      beat(2, { read_at: NOW + 61 }),
      fresh('stale'),
      beat(4, { read_at: NOW + 61 }),
      fresh('fresh'),
    ],
  ],
  [
    'an entry that cannot be read fills no place',
    [...replayed(), { source: 'a', unreadable: true }, revoke(2, { result: 'replay' })],
  ],
  [
    'an entry of a replay that cannot be read',
    [begin(3), { source: 'a', unreadable: true }, end(3, { result: 'replay' })],
  ],
  ...[
    ['an end in years', { expires_at: NOW + 400 * 86_400 }],
    ['a cut-off after its commit', { kind: 'sub', id: 'u1', cutoff: NOW + 61 }],
    ['a commit in days', { at: NOW + 90_000, expires_at: NOW + 90_420 }],
    ['an endless name', { id: 's'.repeat(257) }],
  ].map(([name, event]) => [
    `beyond belief, and fills no place: ${name}`,
    [...replayed(), revoke(1, event), decide(false), beat(1, { result: 'replay' })],
  ]),
  [
    'forgotten when both clocks say so, not sooner',
    [
      ...replayed(),
      revoke(1, { expires_at: NOW + 10 }),
      beat(1),
      clocks(3_600),
      sweep,
      decide(true),
      beat(1, { read_at: NOW + 10 }),
      sweep,
      decide(true),
      beat(1, { read_at: NOW + 11 }),
      sweep,
      decide(false),
    ],
  ],
  [
    'two sources: a gap in one is its own',
    [
      ...replayed(),
      begin(0, { source: 'b' }),
      end(0, { source: 'b' }),
      revoke(2, { result: 'replay' }),
      revoke(1, { source: 'b' }),
      revoke(2, { source: 'b' }),
      position(1, 2),
      beat(2, { source: 'b' }),
      fresh('fresh'),
    ],
  ],
  [
    'two sources: their replays may mingle',
    [
      begin(3),
      begin(2, { source: 'b' }),
      revoke(1),
      revoke(2, { source: 'b' }),
      end(3),
      end(2, { source: 'b' }),
      position(1, 3),
    ],
  ],
];

const vectors = {
  description:
    'What a replica is told, step by step, and what it must make of it. docs/feed-protocol.md says what the steps mean.',
  version: 1,
  now: NOW,
  soft_seconds: 10,
  hard_seconds: 60,
  cases: cases.map(([name, steps]) => ({ name, steps })),
};
writeFileSync(new URL('replica.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`);
