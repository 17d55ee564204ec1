import { readFileSync } from 'node:fs';
import { parseFeedFrame } from './feed-frame.js';
import type { Position } from './position.js';
import type { ReplicaChannel } from './replica-channel.js';
import { RevocationReplica } from './replica.js';
import type { Freshness } from './replica.js';
import { RevocationFormatError } from './revocation-event.js';

interface Step {
  source?: string;
  frame?: { type: string };
  result?: 'ok' | 'replay';
  unreadable?: true;
  clocks?: { wall: number; monotonic: number };
  sweep?: true;
  token?: { jti: string; sub: string; client_id: string; kid: string; iat: number; sid?: string };
  revoked?: boolean;
  position?: Position;
  freshness?: Freshness;
}
interface Vectors {
  now: number;
  soft_seconds: number;
  hard_seconds: number;
  cases: { name: string; steps: Step[] }[];
}

const file = new URL('../../../vectors/replica.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

it.each(vectors.cases)('$name', ({ steps }) => {
  const replica = new RevocationReplica({
    softMs: vectors.soft_seconds * 1000,
    hardMs: vectors.hard_seconds * 1000,
  });
  const channels = new Map<string, ReplicaChannel>();
  const channelOf = (source = '') => {
    const channel = channels.get(source) ?? replica.openChannel();
    channels.set(source, channel);
    return channel;
  };
  let now = { wallMs: vectors.now * 1000, monotonicMs: 0 };
  const deliver = (channel: ReplicaChannel, frame: { type: string }) => {
    try {
      return channel.receive(parseFeedFrame(frame.type, frame)!, now);
    } catch (error) {
      if (!(error instanceof RevocationFormatError)) throw error;
      channel.drop();
      return 'ok';
    }
  };
  for (const { source, frame, result, unreadable, clocks, sweep, ...expected } of steps) {
    if (frame)
      expect({ frame, result: deliver(channelOf(source), frame) }).toEqual({ frame, result });
    if (unreadable) channelOf(source).drop();
    if (clocks) now = { wallMs: clocks.wall * 1000, monotonicMs: clocks.monotonic * 1000 };
    if (sweep) replica.sweep(now.wallMs / 1000);
    if (expected.position) expect(replica.position).toEqual(expected.position);
    if (expected.freshness) expect(replica.freshness(now)).toBe(expected.freshness);
    if (!expected.token) continue;
    const { jti, sub, client_id, kid, iat, sid } = expected.token;
    const token = { tokenId: jti, subject: sub, clientId: client_id, keyId: kid, issuedAt: iat };
    expect(replica.isRevoked({ ...token, sessionId: sid })).toBe(expected.revoked);
  }
});
