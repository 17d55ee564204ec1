import type { ExportedAccount } from './account-export.js';

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
