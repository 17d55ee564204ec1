import { Controller, Get } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import { OWNER_ACTIONS, ownerView } from '../audit/owner-view.js';
import { CurrentSession } from './delivery/signed-in.js';
import type { SignedIn } from './delivery/signed-in.js';

/** So much of it is shown. */
const LATEST = 50;

/** What happened to an account, for its owner: sign-ins and failed ones, what was changed, sessions that ended. */
@Controller('auth/activity')
export class ActivityController {
  constructor(private readonly audit: AuditLog) {}

  /** The last 50, newest first. There is no next page. */
  @Get()
  async latest(@CurrentSession() { accountId }: SignedIn) {
    const rows = await this.audit.list({ accountId, actions: OWNER_ACTIONS }, LATEST);
    return { items: rows.flatMap((row) => ownerView(row) ?? []), next_cursor: null };
  }
}
