import { Controller, Get } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import { z } from 'zod';
import { OWNER_ACTIONS, ownActivity, ownerView } from '../audit/owner-view.js';
import { Described } from '../openapi/described.js';
import { CurrentSession } from './delivery/signed-in.js';
import type { SignedIn } from './delivery/signed-in.js';

/** So much of it is shown. */
const LATEST = 50;

/** What happened to an account, for its owner: sign-ins and failed ones, what was changed, sessions that ended. */
@Controller('auth/activity')
export class ActivityController {
  constructor(private readonly audit: AuditLog) {}

  @Get()
  @Described({
    summary: 'The last 50, newest first. There is no next page.',
    answers: { 200: z.strictObject({ items: z.array(ownActivity), next_cursor: z.null() }) },
  })
  async latest(@CurrentSession() { accountId }: SignedIn) {
    const rows = await this.audit.list({ accountId, actions: OWNER_ACTIONS }, LATEST);
    return { items: rows.flatMap((row) => ownerView(row) ?? []), next_cursor: null };
  }
}
