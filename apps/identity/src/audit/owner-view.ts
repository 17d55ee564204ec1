import { z } from 'zod';
import { accountActor, IDENTITY_ACTOR, STRANGER_ACTOR } from './audit-log.js';
import type { AuditAction, RecordedEntry } from './audit-log.js';

const BY = ['you', 'somebody', 'identity', 'operators'] as const;

/** One thing that happened to an account, as its owner sees it. */
export interface OwnActivity {
  readonly action: AuditAction;
  /** NumericDate seconds. */
  readonly at: number;
  /** `somebody`: who did it has not proved to be anybody; `identity`: nobody has, it was time; `operators`: whichever of them. */
  readonly by: (typeof BY)[number];
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly device_name: string | null;
  /** The session that it was about, if it was one. */
  readonly sid: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The same, as it is answered. */
export const ownActivity = z.strictObject({
  action: z.string(),
  at: z.int().describe('NumericDate: seconds since 1970'),
  by: z
    .enum(BY)
    .describe('`somebody`: who did it has not proved to be anybody; `identity`: it was time'),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  device_name: z.string().nullable(),
  sid: z.string().nullable().describe('The session that it was about, if it was one'),
  details: z.record(z.string(), z.unknown()),
});

/** What of the details of an act its owner may see; `none`: nothing of the act at all. An operator's reason is for operators. */
const SHOWN = {
  'account.register': [],
  'account.verify': [],
  'account.export': [],
  'account.delete': [],
  sign_in: ['client_id', 'delivery', 'remember'],
  'sign_in.fail': ['reason'],
  'session.end': ['of', 'sessions', 'reason', 'over_since'],
  'session.replay': [],
  'password.change': [],
  'password.request_reset': [],
  'password.reset': [],
  'email.request_change': [],
  'email.change': [],
  'email.restore': [],
  'sessions.end': ['of', 'sessions'],
  'revocation.add': ['ended_sessions'],
  'user.disable': ['sessions'],
  'user.enable': [],
  'user.take_role': ['role', 'roles'],
  'user.give_role': ['role', 'roles', 'sessions'],
  'session.store_behind': 'none',
  'personal.erase': 'none',
  'operator.add': 'none',
  'operator.replace': 'none',
  'operator.remove': 'none',
  'epoch.raise': 'none',
  'key.prepare': 'none',
  'key.request_rotation': 'none',
  'key.activate': 'none',
  'key.purge': 'none',
  'key.revoke': 'none',
  'key.import': 'none',
  'master_key.rotate': 'none',
  'master_key.replace_secrets': 'none',
  'relying_service.add': 'none',
  'relying_service.add_secret': 'none',
  'relying_service.drop_old_secrets': 'none',
  'relying_service.withdraw': 'none',
  'client.add': 'none',
  'client.change': 'none',
  'client.add_secret': 'none',
  'client.drop_old_secrets': 'none',
  'client.disable': 'none',
  'client.enable': 'none',
} as const satisfies Record<AuditAction, readonly string[] | 'none'>;

/** The acts that owners see. */
export const OWNER_ACTIONS = (Object.keys(SHOWN) as AuditAction[]).filter(
  (action) => SHOWN[action] !== 'none',
);

/** A row as the owner of its account may see it; `undefined` when it is not for them. Pure. */
export function ownerView({
  action,
  at,
  actor,
  target,
  accountId,
  personal,
  details,
}: RecordedEntry): OwnActivity | undefined {
  // A row of an older or newer build may hold an action that this one does not know.
  const shown: readonly string[] | 'none' = Object.hasOwn(SHOWN, action) ? SHOWN[action] : 'none';
  if (shown === 'none') return undefined;
  return {
    action,
    at: Math.floor(at.getTime() / 1000),
    by: accountId !== null && actor === accountActor(accountId) ? 'you' : otherThanOwner(actor),
    ip: personal?.ip ?? null,
    user_agent: personal?.user_agent ?? null,
    device_name: personal?.device_name ?? null,
    sid: target === accountId ? null : target,
    details: Object.fromEntries(
      shown.flatMap((name) => (details[name] === undefined ? [] : [[name, details[name]]])),
    ),
  };
}

function otherThanOwner(actor: string): OwnActivity['by'] {
  if (actor === STRANGER_ACTOR) return 'somebody';
  return actor === IDENTITY_ACTOR ? 'identity' : 'operators';
}
