import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { AuditLog } from '../../audit/audit-log.js';
import { storableText } from '../../platform/storable-text.js';
import { RequireRole } from '../require-role.js';
import { numericDate, pageSize } from './shared-input.js';

const search = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  limit: pageSize,
  account_id: z.uuid().optional(),
  actor: storableText.max(100).optional(),
  action: storableText.max(100).optional(),
  /** NumericDate. */
  since: z.coerce.number().min(0).max(253_402_300_799).optional(),
});

@Controller('operator/audit')
export class OperatorAuditController {
  constructor(private readonly audit: AuditLog) {}

  /** Who did what, newest first. */
  @Get()
  @RequireRole('read')
  async list(@Query({ schema: search }) query: z.infer<typeof search>) {
    const { cursor: before, limit, account_id: accountId, ...filter } = query;
    const entries = await this.audit.list({ before, accountId, ...filter }, limit);
    return {
      items: entries.map(({ at, accountId, ...entry }) => ({
        ...entry,
        account_id: accountId,
        at: numericDate(at),
      })),
      next_cursor: entries.length === limit ? (entries.at(-1)?.id ?? null) : null,
    };
  }
}
