import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { AuditLog } from '../../audit/audit-log.js';
import { Described } from '../../openapi/described.js';
import { storableText } from '../../platform/storable-text.js';
import { RequireRole } from '../require-role.js';
import { instant, pageOf } from './answer-schemas.js';
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

const entry = z.strictObject({
  id: z.string(),
  actor: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  account_id: z.uuid().nullable(),
  personal: z
    .strictObject({
      ip: z.string().nullish(),
      user_agent: z.string().nullish(),
      device_name: z.string().nullish(),
    })
    .nullable()
    .describe('From where somebody acted; erased with the account, and when it is old'),
  details: z.record(z.string(), z.unknown()),
  at: instant,
});

@Controller('operator/audit')
export class OperatorAuditController {
  constructor(private readonly audit: AuditLog) {}

  @Get()
  @RequireRole('read')
  @Described({ summary: 'Who did what, the newest first.', answers: { 200: pageOf(entry) } })
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
