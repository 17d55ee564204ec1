import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { AuditLog } from '../../audit/audit-log.js';
import { RequireRole } from '../require-role.js';
import { numericDate, pageSize } from './shared-input.js';

const search = z.strictObject({
  cursor: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional(),
  limit: pageSize,
});

@Controller('operator/audit')
export class OperatorAuditController {
  constructor(private readonly audit: AuditLog) {}

  /** Who did what, newest first. */
  @Get()
  @RequireRole('read')
  async list(@Query({ schema: search }) { cursor, limit }: z.infer<typeof search>) {
    const entries = await this.audit.list(cursor, limit);
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
