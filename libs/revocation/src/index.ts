export {
  REVOCATION_KINDS,
  RevocationFormatError,
  parseRevocationEvent,
  serializeRevocationEvent,
} from './revocation-event.js';
export type { RevocationEvent, RevocationEventJson, RevocationKind } from './revocation-event.js';
export { comparePositions, formatPosition, parsePosition } from './position.js';
export type { Position } from './position.js';
export { parseFeedFrame } from './feed-frame.js';
export type { FeedFrame, Heartbeat, HeartbeatJson } from './feed-frame.js';
export { RevocationReplica } from './replica.js';
export type { Instant } from './instant.js';
export type { ReplicaChannel } from './replica-channel.js';
export type { Freshness, ReplicaLimits, ReplicaState, RevocableToken } from './replica.js';
