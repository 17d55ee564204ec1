import type { StatusJson } from '../operators/api/status-json.js';

type ClosedEpoch = StatusJson['closed_epochs'][number];

const REASONS = {
  new_system: 'this database is a copy in another server',
  new_timeline: 'a standby was promoted, or the server was recovered to an earlier point',
  operator: 'an operator raised it',
  report_ahead: 'a verifier proved that history was lost',
} as const satisfies Record<ClosedEpoch['reason'], string>;

/** Why an epoch was closed, and what became of sessions. */
export function inFull({ reason, sessions_kept: kept }: ClosedEpoch): string {
  return `${REASONS[reason]}; ${kept ? 'sessions were kept' : 'all sessions ended'}`;
}
