import fc from 'fast-check';
import type { FeedFrame } from './feed-frame.js';
import { RevocationReplica } from './replica.js';
import type { RevocableToken } from './replica.js';
import type { RevocationEvent } from './revocation-event.js';

const limits = { softMs: 10_000, hardMs: 60_000 };
const start = { wallMs: 1_800_000_000_000, monotonicMs: 5_000 };
const later = (ms: number) => ({ wallMs: start.wallMs + ms, monotonicMs: start.monotonicMs + ms });
const now = start.wallMs / 1000;

const token: RevocableToken = {
  tokenId: 't1',
  subject: 'u1',
  clientId: 'c1',
  keyId: 'k1',
  issuedAt: now,
  sessionId: 's1',
};

function event(seq: number, more: Partial<RevocationEvent> = {}): RevocationEvent {
  return {
    epoch: 1,
    seq,
    kind: 'sid',
    id: `s${String(seq)}`,
    expiresAt: now + 420,
    at: now,
    ...more,
  };
}
const revocation = (...args: Parameters<typeof event>): FeedFrame => ({
  type: 'revocation',
  event: event(...args),
});
const heartbeat = (
  head: number,
  more: { epoch?: number; readAt?: number; proof?: string } = {},
): FeedFrame => ({
  type: 'heartbeat',
  heartbeat: { epoch: 1, head, readAt: now, proof: 'p', ...more },
});

/** A replica that has replayed an empty log of epoch 1 up to `head`. */
function replayed(head = 0): RevocationReplica {
  const replica = new RevocationReplica(limits);
  replica.receive({ type: 'begin', epoch: 1, after: 0, head }, start);
  replica.receive({ type: 'end', epoch: 1, head }, start);
  return replica;
}

describe('what is revoked', () => {
  it.each<[string, Partial<RevocationEvent>, boolean]>([
    ['the token itself', { kind: 'jti', id: 't1' }, true],
    ['another token', { kind: 'jti', id: 't2' }, false],
    ['its session', { kind: 'sid', id: 's1' }, true],
    ['its key', { kind: 'kid', id: 'k1', expiresAt: null }, true],
    ['its user, up to its second', { kind: 'sub', id: 'u1', cutoff: now }, true],
    ['its user, up to the second before', { kind: 'sub', id: 'u1', cutoff: now - 1 }, false],
    ['its client', { kind: 'client', id: 'c1', cutoff: now }, true],
    ['everything until now', { kind: 'all', id: '*', cutoff: now }, true],
    ['a session named like its user', { kind: 'sid', id: 'u1' }, false],
  ])('%s', (_name, revoked, expected) => {
    const replica = replayed();
    expect(replica.receive(revocation(1, revoked), start)).toBe('ok');
    expect(replica.isRevoked(token)).toBe(expected);
  });

  it('a token without a session is not hit by sessions', () => {
    const replica = replayed();
    replica.receive(revocation(1), start);
    expect(replica.isRevoked({ ...token, sessionId: undefined })).toBe(false);
  });

  it('the latest cut-off counts, whatever the order of arrival', () => {
    const replica = replayed();
    replica.receive(revocation(1, { kind: 'sub', id: 'u1', cutoff: now }), start);
    replica.receive(revocation(2, { kind: 'sub', id: 'u1', cutoff: now - 100 }), start);
    expect(replica.isRevoked(token)).toBe(true);
  });

  it('an entry is forgotten only after its time, and a key never', () => {
    const replica = replayed();
    replica.receive(revocation(1, { kind: 'sid', id: 's1', expiresAt: now + 10 }), start);
    replica.receive(revocation(2, { kind: 'kid', id: 'k9', expiresAt: null }), start);
    replica.receive(heartbeat(2, { readAt: now + 1e9 }), start);
    replica.sweep(now + 10);
    expect(replica.isRevoked(token)).toBe(true);
    replica.sweep(now + 11);
    expect(replica.isRevoked(token)).toBe(false);
    replica.sweep(now + 10 * 365 * 86_400);
    expect(replica.isRevoked({ ...token, keyId: 'k9' })).toBe(true);
  });

  it('an entry is kept until both clocks say that it has ended', () => {
    const replica = replayed();
    replica.receive(revocation(1, { kind: 'sid', id: 's1', expiresAt: now + 10 }), start);
    replica.sweep(now + 3_600);
    replica.receive(heartbeat(1, { readAt: now }), start);
    replica.sweep(now + 3_600);
    expect(replica.isRevoked(token)).toBe(true);
    replica.receive(heartbeat(1, { readAt: now + 11 }), later(11_000));
    replica.sweep(now + 11);
    expect(replica.isRevoked(token)).toBe(false);
  });
});

describe('no room', () => {
  const small = () => {
    const replica = new RevocationReplica({ ...limits, maxEntries: 2 });
    replica.receive({ type: 'begin', epoch: 1, after: 0, head: 0 }, start);
    replica.receive({ type: 'end', epoch: 1, head: 0 }, start);
    for (const seq of [1, 2]) replica.receive(revocation(seq), start);
    replica.receive(heartbeat(2), start);
    return replica;
  };

  it('is an alarm and stale, never a live entry dropped', () => {
    const replica = small();
    expect(replica.receive(revocation(3), start)).toBe('replay');
    expect(replica.state(start)).toMatchObject({ freshness: 'stale', full: true, dropped: 1 });
    expect(replica.position).toEqual({ epoch: 1, seq: 2 });
    for (const sessionId of ['s1', 's2'])
      expect(replica.isRevoked({ ...token, sessionId })).toBe(true);
  });

  it('what is held already needs none', () => {
    const replica = small();
    expect(replica.receive(revocation(2), start)).toBe('ok');
    expect(replica.receive(revocation(3, { id: 's2' }), start)).toBe('ok');
    expect(replica.freshness(start)).toBe('fresh');
  });

  it('is over when a replay has brought everything again', () => {
    const replica = small();
    replica.receive(revocation(3), start);
    replica.receive(heartbeat(2, { readAt: now + 421 }), later(421_000));
    replica.sweep(now + 421);
    replica.receive({ type: 'begin', epoch: 1, after: 0, head: 3 }, later(421_000));
    replica.receive(revocation(3, { expiresAt: now + 900 }), later(421_000));
    replica.receive({ type: 'end', epoch: 1, head: 3 }, later(421_000));
    expect(replica.state(later(421_000))).toMatchObject({ freshness: 'fresh', full: false });
  });
});

describe('gaps', () => {
  it('a missing event asks for a replay, and what arrived stays in force', () => {
    const replica = replayed();
    expect(replica.receive(revocation(2, { id: 's1' }), start)).toBe('replay');
    expect(replica.isRevoked(token)).toBe(true);
    expect(replica.position).toEqual({ epoch: 1, seq: 0 });
  });

  it('a heartbeat ahead of what was applied asks for a replay', () => {
    const replica = replayed(4);
    expect(replica.receive(heartbeat(5), start)).toBe('replay');
    expect(replica.freshness(start)).toBe('stale');
  });

  it('a new epoch asks for a replay, which keeps the old set', () => {
    const replica = replayed();
    replica.receive(revocation(1, { id: 's1' }), start);
    expect(replica.receive(revocation(1, { epoch: 2, id: 'other' }), start)).toBe('replay');
    replica.receive({ type: 'begin', epoch: 2, after: 0, head: 1 }, start);
    replica.receive({ type: 'end', epoch: 2, head: 1 }, start);
    expect(replica.position).toEqual({ epoch: 2, seq: 1 });
    expect(replica.isRevoked(token)).toBe(true);
  });

  it('a snapshot of an earlier epoch is refused', () => {
    const replica = replayed();
    replica.receive({ type: 'begin', epoch: 2, after: 0, head: 0 }, start);
    replica.receive({ type: 'end', epoch: 2, head: 0 }, start);
    expect(replica.receive({ type: 'begin', epoch: 1, after: 0, head: 9 }, start)).toBe('replay');
    expect(replica.position).toEqual({ epoch: 2, seq: 0 });
  });

  it('a resumed replay must continue where the replica stands', () => {
    expect(replayed(3).receive({ type: 'begin', epoch: 1, after: 5, head: 9 }, start)).toBe(
      'replay',
    );
    expect(replayed(5).receive({ type: 'begin', epoch: 1, after: 5, head: 9 }, start)).toBe('ok');
  });

  it('repeated events change nothing', () => {
    const replica = replayed();
    replica.receive(revocation(1), start);
    expect(replica.receive(revocation(1), start)).toBe('ok');
    expect(replica.position).toEqual({ epoch: 1, seq: 1 });
  });

  it('an entry that could not be read never fills its place', () => {
    const live = replayed();
    live.drop();
    expect(live.receive(revocation(2), start)).toBe('replay');

    const replaying = new RevocationReplica(limits);
    replaying.receive({ type: 'begin', epoch: 1, after: 0, head: 3 }, start);
    replaying.drop();
    expect(replaying.receive({ type: 'end', epoch: 1, head: 3 }, start)).toBe('replay');
    expect(replaying.position).toBeUndefined();
  });

  it('an entry beyond belief never fills its place either', () => {
    for (const more of [
      { at: now + 90_000, expiresAt: now + 90_420 },
      { kind: 'sub', id: 'u1', cutoff: now + 600 },
      { expiresAt: now + 400 * 86_400 },
      { id: 's'.repeat(257) },
    ] as const) {
      const replica = replayed();
      replica.receive(revocation(1, more), start);
      expect(replica.isRevoked(token)).toBe(false);
      expect(replica.state(start)).toMatchObject({ dropped: 1, entries: 0 });
      expect(replica.receive(heartbeat(1), start)).toBe('replay');
    }
  });

  it('an end without its beginning proves nothing', () => {
    const replica = new RevocationReplica(limits);
    expect(replica.receive({ type: 'end', epoch: 1, head: 3 }, start)).toBe('replay');
    expect(replica.position).toBeUndefined();
  });
});

describe('freshness', () => {
  it('is stale without a heartbeat, then by the age of the newest one', () => {
    const replica = replayed(7);
    expect(replica.freshness(start)).toBe('stale');
    replica.receive(heartbeat(7), start);
    expect(replica.freshness(start)).toBe('fresh');
    expect(replica.freshness(later(10_001))).toBe('late');
    expect(replica.freshness(later(60_001))).toBe('stale');
  });

  it('an old reading is old on arrival', () => {
    const replica = replayed();
    replica.receive(heartbeat(0, { readAt: now - 61 }), start);
    expect(replica.freshness(start)).toBe('stale');
  });

  it('a wall clock that jumps back does not make an old heartbeat young', () => {
    const replica = replayed();
    replica.receive(heartbeat(0), start);
    expect(
      replica.freshness({
        wallMs: start.wallMs - 3_600_000,
        monotonicMs: start.monotonicMs + 60_001,
      }),
    ).toBe('stale');
  });

  it('a database whose clock was set back a little is believed again as soon as it is the younger news', () => {
    const replica = replayed();
    replica.receive(heartbeat(0, { readAt: now }), start);
    replica.receive(heartbeat(0, { readAt: now + 20 - 15 }), later(20_000));
    expect(replica.state(later(20_000)).heartbeatAgeMs).toBe(15_000);
  });

  it('with a wall clock that is more than a minute slow nothing is fresh: ended tokens would be good', () => {
    const replica = replayed();
    replica.receive(heartbeat(0, { readAt: now + 61 }), start);
    expect(replica.freshness(start)).toBe('stale');
    expect(replica.hasSlowClock(start)).toBe(true);
    replica.receive(heartbeat(0, { readAt: now + 60 }), start);
    expect(replica.freshness(start)).toBe('fresh');
    expect(replica.hasSlowClock(start)).toBe(false);
  });

  it('a head that falls keeps nothing fresh, and the proof of the higher one stays', () => {
    const replica = replayed(7);
    replica.receive(heartbeat(7, { proof: 'of seven' }), start);
    replica.receive(heartbeat(3, { readAt: now + 30, proof: 'of three' }), later(30_000));
    expect(replica.freshness(later(30_000))).toBe('late');
    expect(replica.proof).toBe('of seven');
    replica.receive(heartbeat(7, { readAt: now + 30, proof: 'of seven again' }), later(30_000));
    expect(replica.freshness(later(30_000))).toBe('fresh');
  });

  it('a repeated older heartbeat does not replace a newer one', () => {
    const replica = replayed();
    replica.receive(heartbeat(0, { readAt: now }), start);
    replica.receive(heartbeat(0, { readAt: now - 59 }), start);
    expect(replica.freshness(start)).toBe('fresh');
  });
});

it('no order of delivery ever loses a revocation', () => {
  const events = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 30 });
  fc.assert(
    fc.property(events, (order) => {
      const replica = replayed();
      for (const seq of order) replica.receive(revocation(seq), start);
      return order.every((seq) => replica.isRevoked({ ...token, sessionId: `s${String(seq)}` }));
    }),
  );
});

it('the position never passes an event that has not arrived', () => {
  const events = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 });
  fc.assert(
    fc.property(events, (order) => {
      const replica = replayed();
      const arrived = new Set<number>();
      for (const seq of order) {
        arrived.add(seq);
        replica.receive(revocation(seq), start);
        for (let s = 1; s <= replica.position!.seq; s += 1) if (!arrived.has(s)) return false;
      }
      return true;
    }),
  );
});
