import type { PlanJson } from '../operators/api/signing-keys-json.js';
import type { StatusJson } from '../operators/api/status-json.js';
import type { Finding } from './finding.js';
import { instant } from './table.js';

/** Who signs now, and who will: one key is active, another is prepared, and nothing holds it up. */
export function diagnoseRotation(keys: StatusJson['signing_keys'], plan: PlanJson): Finding[] {
  return [signing(keys), prepared(keys), ...waiting(plan)];
}

function signing(keys: StatusJson['signing_keys']): Finding {
  const active = keys.filter(({ state }) => state === 'active');
  const published = keys.filter(({ state }) => ['prepared', 'active', 'retired'].includes(state));
  const [key] = active;
  if (!key || active.length > 1) {
    const detail = `${String(active.length)} keys are active: there must be one`;
    return { check: 'keys', verdict: 'wrong', detail };
  }
  const detail = `${key.kid} signs; ${String(published.length)} published`;
  return { check: 'keys', verdict: 'ok', detail };
}

function prepared(keys: StatusJson['signing_keys']): Finding {
  const check = 'next key';
  const next = keys.find(({ state }) => state === 'prepared');
  if (next) return { check, verdict: 'ok', detail: `${next.kid} is prepared` };
  const detail =
    'no key is prepared: after an emergency services would meet one that they do not know. Look into the log of identity';
  return { check, verdict: 'wrong', detail };
}

function waiting({ waiting: next }: PlanJson): Finding[] {
  if (next?.for !== 'reports') return [];
  const { kid, until, overdue, behind } = next;
  const names = behind.map(({ service, instance_id: id }) => `${service} ${id}`).join(', ');
  const whom = names === '' ? 'news of who is live' : names;
  const detail = overdue
    ? `${kid} should sign since ${instant(until)}, and still waits for ${whom}: bring them up, or "countersign keys rotate --force"`
    : `${kid} waits for ${whom}${until === null ? '' : `, until ${instant(until)}`}`;
  return [{ check: 'rotation', verdict: overdue ? 'wrong' : 'note', detail }];
}
