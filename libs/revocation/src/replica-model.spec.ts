import fc from 'fast-check';
import type { FeedFrame } from './feed-frame.js';
import { comparePositions } from './position.js';
import type { Position } from './position.js';
import { RevocationReplica } from './replica.js';
import type { RevocableToken } from './replica.js';
import type { RevocationEvent } from './revocation-event.js';

const START = 1_800_000_000;
const instant = (seconds: number) => ({ wallMs: seconds * 1000, monotonicMs: seconds * 1000 });

const ids = [
  ...[0, 1, 2, 3].map((n) => `0000000${n}-0000-4000-8000-00000000000${n}`),
  ...['ABCDEF00-0000-4000-8000-000000000000', 'free-form', 'x', '*'],
];
const anyId = fc.constantFrom(...ids);
const anyToken: fc.Arbitrary<RevocableToken> = fc.record({
  tokenId: anyId,
  subject: anyId,
  clientId: anyId,
  keyId: anyId,
  issuedAt: fc.integer({ min: START - 20, max: START + 20 }),
  sessionId: fc.option(anyId, { nil: undefined }),
});
const anyRevocation = fc.record({
  kind: fc.constantFrom('jti', 'sid', 'sub', 'client', 'kid', 'all'),
  id: anyId,
  cutoff: fc.integer({ min: -20, max: 20 }),
  life: fc.integer({ min: 0, max: 30 }),
});

/** What is written from time to time: an event each, in order; some begin a new epoch. */
interface Log {
  readonly events: readonly RevocationEvent[];
  readonly head: Position;
}
const anyLog: fc.Arbitrary<Log> = fc
  .array(fc.tuple(anyRevocation, fc.nat({ max: 9 })), { maxLength: 25 })
  .map((entries) => {
    let head: Position = { epoch: 1, seq: 0 };
    const events = entries.map(([{ kind, id, cutoff, life }, chance]): RevocationEvent => {
      head = chance === 0 ? { epoch: head.epoch + 1, seq: 1 } : { ...head, seq: head.seq + 1 };
      return {
        ...head,
        kind,
        id: kind === 'all' ? '*' : id,
        ...(['sub', 'client', 'all'].includes(kind) ? { cutoff: START + cutoff } : {}),
        expiresAt: kind === 'kid' ? null : START + life,
        at: START,
      };
    });
    return { events, head };
  });

/** The plainest thing that could be right: everything that ever arrived, looked through from one end to the other. */
class Model {
  readonly #arrived: RevocationEvent[] = [];
  #horizon = 0;

  receive(event: RevocationEvent): void {
    this.#arrived.push(event);
    this.#forget();
  }

  sweep(now: number): void {
    this.#horizon = Math.max(this.#horizon, now);
    this.#forget();
  }

  #forget(): void {
    const left = this.#arrived.filter((event) => this.#lives(event));
    this.#arrived.splice(0, Infinity, ...left);
  }

  isRevoked(token: RevocableToken): boolean {
    return this.#arrived.some((event) => this.#lives(event) && hits(event, token));
  }

  /** An entry lives as long as the longest-lived one of its name: cut-offs and ends are maxima, each by itself. */
  #lives({ kind, id, expiresAt }: RevocationEvent): boolean {
    const ends = this.#arrived
      .filter((other) => other.kind === kind && other.id === id)
      .map((other) => other.expiresAt ?? Infinity);
    return Math.max(expiresAt ?? Infinity, ...ends) >= this.#horizon;
  }
}

function hits({ kind, id, cutoff = 0 }: RevocationEvent, token: RevocableToken): boolean {
  switch (kind) {
    case 'jti':
      return token.tokenId === id;
    case 'sid':
      return token.sessionId === id;
    case 'kid':
      return token.keyId === id;
    case 'sub':
      return token.subject === id && token.issuedAt <= cutoff;
    case 'client':
      return token.clientId === id && token.issuedAt <= cutoff;
    case 'all':
      return token.issuedAt <= cutoff;
  }
}

const limits = { softMs: 1e9, hardMs: 1e9 };
const runs = { numRuns: 400 };

it('any order and repetition of events, with the clock going on in between, gives the answers of the model', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ deliver: fc.nat({ max: 24 }) }) },
    { weight: 1, arbitrary: fc.record({ sweepAt: fc.nat({ max: 40 }) }) },
  );
  fc.assert(
    fc.property(
      anyLog,
      fc.array(step, { maxLength: 60 }),
      fc.array(anyToken, { minLength: 1, maxLength: 12 }),
      ({ events }, steps, tokens) => {
        const replica = new RevocationReplica(limits);
        const model = new Model();
        // Heartbeats of a head that is always reached: only time is of interest here.
        const beat = (readAt: number): FeedFrame => ({
          type: 'heartbeat',
          heartbeat: { epoch: 99, head: 0, readAt, proof: '' },
        });
        const now = instant(START);
        replica.receive({ type: 'begin', epoch: 99, after: 0, head: 0 }, now);
        replica.receive({ type: 'end', epoch: 99, head: 0 }, now);
        for (const taken of steps) {
          if ('sweepAt' in taken) {
            replica.receive(beat(START + taken.sweepAt), now);
            replica.sweep(START + taken.sweepAt);
            model.sweep(START + taken.sweepAt);
          } else {
            const event = events[taken.deliver % Math.max(events.length, 1)];
            if (!event) continue;
            replica.receive({ type: 'revocation', event }, now);
            model.receive(event);
          }
          for (const token of tokens)
            if (replica.isRevoked(token) !== model.isRevoked(token)) return false;
        }
        return true;
      },
    ),
    runs,
  );
});

/** What befalls a frame on its way. Inside a replay nothing is lost: who cannot read an entry says so. */
type Fate = 'arrives' | 'twice' | 'late' | 'lost';
const anyFate: fc.Arbitrary<Fate> = fc.constantFrom('arrives', 'arrives', 'twice', 'late', 'lost');
/** A source sends something, is cut off, or a moment passes. */
const anyMove = fc.record({
  source: fc.constantFrom(0, 1),
  act: fc.constantFrom('send', 'send', 'send', 'send', 'cut', 'write'),
  fate: anyFate,
});

/** A source as the feed protocol has it: a replay when it (re)connects, then what is new, with heartbeats. */
class Source {
  #queue: FeedFrame[] | undefined;
  #sent: Position | undefined;
  #late: FeedFrame | undefined;
  readonly #channel;

  constructor(
    replica: RevocationReplica,
    private readonly written: () => Log,
    private readonly arrived: (event: RevocationEvent) => void,
  ) {
    this.#channel = replica.openChannel();
  }

  cut(): void {
    this.#queue = undefined;
    this.#late = undefined;
  }

  /** Everything that is due, without a mishap. */
  settle(): void {
    for (let turn = 0; turn < 200; turn += 1) this.send('arrives');
  }

  send(fate: Fate): void {
    this.#queue ??= this.#replay();
    const live = this.#queue.length === 0;
    const frame = live ? this.#next() : this.#queue.shift();
    if (!frame) return;
    if (!live || frame.type !== 'revocation' || fate === 'arrives') this.#deliver(frame);
    else if (fate === 'twice') for (const time of [frame, frame]) this.#deliver(time);
    else if (fate === 'late') this.#late = frame;
    if (fate !== 'late' && this.#late) {
      this.#deliver(this.#late);
      this.#late = undefined;
    }
  }

  #deliver(frame: FeedFrame): void {
    if (frame.type === 'revocation') this.arrived(frame.event);
    if (this.#channel.receive(frame, instant(START)) === 'replay') this.cut();
  }

  #next(): FeedFrame {
    const { events, head } = this.written();
    const sent = this.#sent ?? { epoch: 0, seq: 0 };
    const event = events.find((one) => comparePositions(one, sent) > 0);
    if (event) {
      this.#sent = event;
      return { type: 'revocation', event };
    }
    const heartbeat = { epoch: head.epoch, head: head.seq, readAt: START, proof: '' };
    return { type: 'heartbeat', heartbeat };
  }

  #replay(): FeedFrame[] {
    const { events, head } = this.written();
    this.#sent = head;
    return [
      { type: 'begin', epoch: head.epoch, after: 0, head: head.seq },
      ...events.map((event): FeedFrame => ({ type: 'revocation', event })),
      { type: 'end', epoch: head.epoch, head: head.seq },
    ];
  }
}

/** Events of the log up to a number of them, as if no more had been written yet. */
function firstOf({ events }: Log, count: number): Log {
  const written = events.slice(0, count);
  return { events: written, head: written.at(-1) ?? { epoch: 1, seq: 0 } };
}

describe('two sources that lose, repeat and reorder events, break off and begin again', () => {
  it('what is reported as applied is in force, nothing else is, and in the end everything is applied', () => {
    fc.assert(
      fc.property(
        anyLog,
        fc.array(anyMove, { maxLength: 150 }),
        fc.array(anyToken, { minLength: 1, maxLength: 12 }),
        (log, moves, tokens) => {
          let count = 0;
          const arrived: RevocationEvent[] = [];
          const replica = new RevocationReplica(limits);
          const written = () => firstOf(log, count);
          const sources = [0, 1].map(
            () => new Source(replica, written, (event) => void arrived.push(event)),
          );
          const holds = () => {
            const applied = written().events.filter((event) => replica.hasApplied(event));
            for (const token of tokens) {
              const revoked = replica.isRevoked(token);
              if (!revoked && applied.some((event) => hits(event, token))) return false;
              if (revoked && !arrived.some((event) => hits(event, token))) return false;
            }
            return true;
          };
          for (const { source, act, fate } of moves) {
            if (act === 'write') count = Math.min(count + 1, log.events.length);
            else if (act === 'cut') sources[source]?.cut();
            else sources[source]?.send(fate);
            if (!holds()) return false;
          }
          count = log.events.length;
          for (const source of sources) source.settle();
          const fresh = replica.freshness(instant(START)) === 'fresh';
          return holds() && replica.hasApplied(log.head) && fresh;
        },
      ),
      runs,
    );
  });
});
