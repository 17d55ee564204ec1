import type { FeedFrame } from '@countersign/revocation';
import { Revocations } from './revocations.js';
import type { RevocationSink } from '../sources.js';

const at = 1_800_000_000;
const none = async () => undefined;
const open: Revocations[] = [];
afterEach(() => Promise.all(open.splice(0).map((revocations) => revocations.close())));

const eventOf = (seq: number) =>
  ({ epoch: 1, seq, kind: 'sid', id: `s${String(seq)}`, expiresAt: at + 400, at }) as const;
const revocation = (seq: number): FeedFrame => ({ type: 'revocation', event: eventOf(seq) });
const awaited = (seq: number): FeedFrame => ({
  type: 'revocation',
  event: { ...eventOf(seq), receiptWanted: true },
});
const heartbeat = (head: number): FeedFrame => ({
  type: 'heartbeat',
  heartbeat: { epoch: 1, head, readAt: at, proof: 'p' },
});
const begin = (head: number): FeedFrame => ({ type: 'begin', epoch: 1, after: 0, head });
const end = (head: number): FeedFrame => ({ type: 'end', epoch: 1, head });
const ofSession = (sessionId: string) => ({
  tokenId: 't',
  subject: 'u',
  clientId: 'c',
  keyId: 'k',
  issuedAt: at,
  sessionId,
});

/** What a verifier knows that has a fast and a second source, after a check-in that was answered with `head`. */
async function withTwoSources(head = 3) {
  const sinks: RevocationSink[] = [];
  const source = (name: string) => ({
    name,
    start: (sink: RevocationSink) => void sinks.push(sink),
    state: () => ({ connected: true }),
    close: none,
  });
  const now = { wallMs: at * 1000, monotonicMs: 0 };
  const answer = { seq: head };
  const reports: (number | undefined)[] = [];
  const news: number[] = [];
  const revocations = new Revocations(
    {
      sources: [source('fast'), source('feed')],
      checkIn: {
        checkIn: async ({ applied }) => {
          reports.push(applied?.seq);
          return { head: { epoch: 1, seq: answer.seq } };
        },
      },
    },
    { softSeconds: 10, hardSeconds: 60 },
    {
      now: () => ({ ...now }),
      identify: () => ({ instanceId: 'i', kids: [] }),
      onRevocation: ({ seq }) => void news.push(seq),
      onChange: () => undefined,
    },
  );
  open.push(revocations);
  revocations.start();
  await new Promise(setImmediate);
  const [fast, feed] = sinks as [RevocationSink, RevocationSink];
  /** Lets time pass, and a check-in be answered after it. */
  const pass = async (seconds: number) => {
    now.wallMs += seconds * 1000;
    now.monotonicMs += seconds * 1000;
    const { length } = reports;
    revocations.checkInSoon();
    while (reports.length === length) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const fault = () => revocations.fault(now)?.text;
  return { revocations, now, pass, answer, reports, news, fast, feed, fault };
}

const send = (sink: RevocationSink, ...frames: FeedFrame[]) =>
  frames.map((frame) => sink.receive(frame));
const replayOf = (head: number) => [
  begin(head),
  ...Array.from({ length: head }, (_, n) => revocation(n + 1)),
  end(head),
];

it.each(['fast', 'feed'] as const)('the %s source alone makes it usable', async (name) => {
  const { [name]: sink, fault, revocations } = await withTwoSources();
  expect(fault()).toBe('revocations not applied yet');
  send(sink, ...replayOf(3), heartbeat(3));
  expect(fault()).toBeUndefined();
  expect(revocations.isRevoked(ofSession('s3'))).toBe(true);
});

it('a revocation is news once, whoever repeats it', async () => {
  const { news, fast, feed } = await withTwoSources();
  for (const sink of [fast, feed, fast]) send(sink, ...replayOf(3), heartbeat(3));
  send(feed, revocation(4), revocation(4));
  expect(news).toEqual([1, 2, 3, 4]);
});

it('replays of both sources may mingle', async () => {
  const { fast, feed, fault } = await withTwoSources();
  const answers = replayOf(3).flatMap((frame, n) => [
    ...send(fast, frame),
    ...(n === 1 ? send(feed, begin(2), revocation(2)) : []),
  ]);
  expect([...answers, ...send(feed, end(2), heartbeat(2), revocation(3), heartbeat(3))]).toEqual(
    Array.from({ length: 11 }, () => 'ok'),
  );
  expect(fault()).toBeUndefined();
});

it('a gap in one source is its own: the other goes on, and fills it', async () => {
  const { fast, feed, fault, revocations } = await withTwoSources();
  for (const sink of [fast, feed]) send(sink, ...replayOf(3), heartbeat(3));
  expect(send(fast, revocation(5))).toEqual(['replay']);
  expect(revocations.isRevoked(ofSession('s5'))).toBe(true);
  expect(send(feed, revocation(4), revocation(5), heartbeat(5))).toEqual(['ok', 'ok', 'ok']);
  expect(fault()).toBeUndefined();
});

it('stays fresh by the heartbeats of either', async () => {
  const { fast, feed, fault, pass } = await withTwoSources();
  for (const sink of [fast, feed]) send(sink, ...replayOf(3), heartbeat(3));
  await pass(61);
  expect(fault()).toBe('no recent heartbeat');
  send(feed, {
    type: 'heartbeat',
    heartbeat: { epoch: 1, head: 3, readAt: at + 61, proof: 'p' },
  });
  expect(fault()).toBeUndefined();
});

it('false heartbeats do not hide for longer than the hard limit that the sources are cut off: check-ins tell the head', async () => {
  const { fast, fault, now, pass, answer, revocations } = await withTwoSources();
  const beat = () => {
    const readAt = now.wallMs / 1000;
    send(fast, { type: 'heartbeat', heartbeat: { epoch: 1, head: 3, readAt, proof: 'false' } });
  };
  send(fast, ...replayOf(3), heartbeat(3));
  expect(fault()).toBeUndefined();
  answer.seq = 4;
  await pass(1);
  await pass(59);
  beat();
  expect(fault()).toBeUndefined();
  await pass(2);
  beat();
  expect(revocations.fault(now)).toEqual({ stale: true, text: 'revocations not applied yet' });
  send(fast, revocation(4));
  expect(fault()).toBeUndefined();
});

it('the furthest event that somebody waits for is reported at once, whatever comes in between', async () => {
  const { fast, feed, reports } = await withTwoSources();
  for (const sink of [fast, feed]) send(sink, ...replayOf(3));
  const turn = () => new Promise(setImmediate);
  await turn();
  send(fast, awaited(6));
  send(feed, awaited(4));
  await turn();
  expect(reports.at(-1)).toBe(4);
  send(feed, revocation(5));
  const { length } = reports;
  send(feed, revocation(6));
  await turn();
  expect(reports.slice(length)).toEqual([6]);
});

it('says that the clock of the host is slow, from the start and later', async () => {
  const slow = 'the clock of this host is more than 60 s behind that of the database: set it';
  const { fast, feed, fault, now, revocations } = await withTwoSources();
  now.wallMs -= 61_000;
  for (const sink of [fast, feed]) send(sink, ...replayOf(3), heartbeat(3));
  expect(fault()).toBe(slow);
  expect(revocations.fault(now)).toMatchObject({ stale: false });
  now.wallMs += 1_000;
  expect(fault()).toBeUndefined();
  now.wallMs -= 1_000;
  expect(revocations.fault(now)).toEqual({ stale: true, text: slow });
});

it('an entry that one source could not bring is not missing when the other has brought it', async () => {
  const { fast, feed, fault } = await withTwoSources();
  send(feed, begin(3), ...[1, 2, 3].map(revocation), end(3));
  send(fast, begin(3), revocation(1));
  fast.drop();
  expect(send(fast, revocation(3), end(3))).toEqual(['ok', 'replay']);
  send(feed, heartbeat(3));
  expect(fault()).toBeUndefined();
});

it('tells of each source', async () => {
  const { revocations, now } = await withTwoSources();
  expect(revocations.state(now)).toMatchObject({
    connected: true,
    sources: [
      { name: 'fast', connected: true },
      { name: 'feed', connected: true },
    ],
  });
});

it('the proof of an epoch that is over is reported until a report with it was answered', async () => {
  let sink: RevocationSink | undefined;
  let isAway = false;
  const reported: (string | undefined)[] = [];
  const revocations = new Revocations(
    {
      sources: [
        {
          name: 'feed',
          start: (given: RevocationSink) => void (sink = given),
          state: () => ({ connected: true }),
          close: none,
        },
      ],
      checkIn: {
        checkIn: async ({ proof }) => {
          if (isAway) throw new Error('away');
          reported.push(proof);
          return { head: { epoch: 1, seq: 1 } };
        },
      },
    },
    { softSeconds: 10, hardSeconds: 60 },
    {
      now: () => ({ wallMs: at * 1000, monotonicMs: 0 }),
      identify: () => ({ instanceId: 'i', kids: [] }),
      onRevocation: () => undefined,
      onChange: () => undefined,
    },
  );
  open.push(revocations);
  const beat = (epoch: number, head: number, proof: string): FeedFrame => ({
    type: 'heartbeat',
    heartbeat: { epoch, head, readAt: at, proof },
  });
  const reports = async (proof: string) => {
    while (reported.at(-1) !== proof) {
      revocations.checkInSoon();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  revocations.start();
  await new Promise(setImmediate);
  send(sink!, begin(1), revocation(1), end(1), beat(1, 1, 'before'));
  await reports('before');
  isAway = true;
  send(sink!, beat(1, 1, 'lost'));
  // The feed is back before the check-in, and brings what came after the loss.
  send(sink!, { type: 'begin', epoch: 2, after: 0, head: 0 }, { type: 'end', epoch: 2, head: 0 });
  send(sink!, beat(2, 0, 'after'));
  isAway = false;
  await reports('after');
  expect(reported.slice(reported.lastIndexOf('before') + 1)).toEqual(['lost', 'after']);
});
