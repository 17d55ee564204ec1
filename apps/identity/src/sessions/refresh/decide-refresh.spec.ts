import fc from 'fast-check';
import { decideRefresh } from './decide-refresh.js';
import type { RefreshState } from './decide-refresh.js';

const GRACE = 10;
const session = (more: Partial<RefreshState> = {}): RefreshState => ({
  isLive: true,
  generation: 5,
  sinceRefresh: 3,
  ...more,
});
const ADVANCE = { do: 'advance' };
const REPEAT = { do: 'repeat' };
const ENDED = { do: 'refuse', because: 'session_ended' };
const BEHIND = { do: 'refuse', because: 'store_behind' };
const LAST = { do: 'end', replay: 'last_one' };
const OLDER = { do: 'end', replay: 'older_one' };

it.each([
  ['the current one', session(), 5, ADVANCE],
  ['the current one, right after another', session({ sinceRefresh: 0 }), 5, ADVANCE],
  ['the very first', session({ generation: 0, sinceRefresh: null }), 0, ADVANCE],
  ['the last one, within the grace', session({ sinceRefresh: 9.999 }), 4, REPEAT],
  ['the last one, in the same moment', session({ sinceRefresh: 0 }), 4, REPEAT],
  ['the last one, after the clock was set back', session({ sinceRefresh: -3 }), 4, REPEAT],
  ['the last one, as the grace ends', session({ sinceRefresh: 10 }), 4, LAST],
  ['the last one, long after', session({ sinceRefresh: 86_400 }), 4, LAST],
  ['the last one, after other secrets were given', session({ sinceRefresh: null }), 4, LAST],
  ['the one before the last, at once', session({ sinceRefresh: 0 }), 3, OLDER],
  ['the first of many', session({ sinceRefresh: 0 }), 0, OLDER],
  ['one ahead of the row', session(), 6, BEHIND],
  [
    'one far ahead of a row that never went up',
    session({ generation: 0, sinceRefresh: null }),
    9,
    BEHIND,
  ],
  ['the current one of a session that is over', session({ isLive: false }), 5, ENDED],
  ['the last one of a session that is over', session({ isLive: false }), 4, ENDED],
  ['an old one of a session that is over', session({ isLive: false }), 1, ENDED],
  ['one ahead of a session that is over', session({ isLive: false }), 6, ENDED],
])('%s', (_, state, generation, decision) => {
  expect(decideRefresh(state, generation, GRACE)).toEqual(decision);
});

it('without a grace nothing spent is ever forgiven', () => {
  expect(decideRefresh(session({ sinceRefresh: 0 }), 4, 0)).toEqual(LAST);
});

describe('whatever happens', () => {
  const states = fc.record({
    isLive: fc.boolean(),
    generation: fc.nat(1_000),
    sinceRefresh: fc.option(fc.double({ min: -100, max: 1e7, noNaN: true })),
  });

  it('only the current token moves a session on, and a spent one lives through the grace at most', () => {
    fc.assert(
      fc.property(states, fc.nat(1_000), fc.nat(60), (state, generation, grace) => {
        const decision = decideRefresh(state, generation, grace);
        if (decision.do === 'advance') expect(generation).toBe(state.generation);
        if (decision.do === 'repeat') {
          expect(generation).toBe(state.generation - 1);
          expect(state.sinceRefresh).toBeLessThan(grace);
        }
        if (decision.do === 'end') expect(generation).toBeLessThan(state.generation);
        if (!state.isLive) expect(decision).toEqual(ENDED);
      }),
    );
  });

  it('one who holds the newest token is never taken for a thief, however answers get lost within the grace', () => {
    // A client presents its newest token each time; some answers never reach it, and it asks again soon.
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 50 }), (arrives) => {
        let row = 0;
        let held = 0;
        for (const isAnswered of arrives) {
          const state = { isLive: true, generation: row, sinceRefresh: row === 0 ? null : 1 };
          const decision = decideRefresh(state, held, GRACE);
          expect(['advance', 'repeat']).toContain(decision.do);
          if (decision.do === 'advance') row += 1;
          if (isAnswered) held = row;
        }
      }),
    );
  });
});
