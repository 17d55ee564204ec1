import { z } from 'zod';
import { ownActivity } from '../audit/owner-view.js';
import type { ExportedAccount } from './account-export.js';

const instant = z.int().describe('NumericDate: seconds since 1970');

/** Shape of {@link exportedAccountJson}. */
export const exportedAccount = z.strictObject({
  account: z.strictObject({
    sub: z.uuid(),
    email: z.string(),
    roles: z.array(z.string()),
    created_at: instant,
    email_verified_at: instant.nullable(),
    disabled_at: instant.nullable(),
  }),
  sessions: z.array(
    z.strictObject({
      sid: z.uuid(),
      client_id: z.string(),
      device_name: z.string().nullable(),
      user_agent: z.string().nullable(),
      ip: z.string().nullable(),
      created_at: instant,
      last_seen_at: instant,
      expires_at: instant,
      ended_at: instant.nullable(),
      end_reason: z.string().nullable(),
    }),
  ),
  activity: z.array(ownActivity),
  complete: z.boolean().describe('Whether there is nothing older than what is listed'),
});

/** What people get of {@link ExportedAccount}: members are named one by one, so that no secret joins them by accident. */
export function exportedAccountJson({ account, sessions, activity, complete }: ExportedAccount) {
  const { id, email, roles, createdAt, emailVerifiedAt, disabledAt } = account;
  return {
    account: {
      sub: id,
      email,
      roles,
      created_at: seconds(createdAt),
      email_verified_at: emailVerifiedAt && seconds(emailVerifiedAt),
      disabled_at: disabledAt && seconds(disabledAt),
    },
    sessions,
    activity,
    complete,
  };
}

function seconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
