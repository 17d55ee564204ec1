import type { StatusJson } from '../operators/api/status-json.js';
import { instant } from './table.js';

type ClosedEpoch = StatusJson['closed_epochs'][number];

const REASONS = {
  new_system: 'this database is a copy in another server',
  new_timeline: 'a standby was promoted, or the server was recovered to an earlier point',
  operator: 'an operator raised it',
  report_ahead: 'a verifier proved that history was lost',
} as const satisfies Record<ClosedEpoch['reason'], string>;

/** Why an epoch was closed, what became of sessions, and of which time nothing is known. */
export function inFull({ reason, sessions_kept: kept, ...closed }: ClosedEpoch): string {
  const sessions = kept ? 'sessions were kept' : 'all sessions ended';
  const lost = closed.lost_from === null ? [] : [lostTime(closed.lost_from, closed.closed_at)];
  return [REASONS[reason], sessions, ...lost].join('; ');
}

/** Both in seconds. */
export function lostTime(from: number, to: number): string {
  return `what was done from ${instant(from)} to ${instant(to)} is lost`;
}
