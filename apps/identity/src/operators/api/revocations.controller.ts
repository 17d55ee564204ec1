import { Body, Controller, Get, HttpStatus, Post, Query, Res } from '@nestjs/common';
import {
  formatPosition,
  parsePosition,
  REVOCATION_KINDS,
  serializeRevocationEvent,
} from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { storableText } from '../../platform/storable-text.js';
import { RevocationHistory } from '../../revocation/revocation-history.js';
import { CuttingOff } from '../cutting-off.js';
import type { Operator } from '../operator.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { pageSize, reason } from './shared-input.js';

const identifier = storableText.min(1).max(256);
const cutOff = z
  .strictObject({
    kind: z.enum(['sub', 'client', 'all']),
    id: identifier.optional(),
    /** NumericDate seconds; tokens issued up to and including it. Until now when left out. */
    cutoff: z.int().min(0).max(253_402_300_799).optional(),
    dry_run: z.boolean().default(false),
    reason,
  })
  .refine(({ kind, id }) => (kind === 'all') === (id === undefined), {
    message: 'must be there for sub and client, and not for all',
    path: ['id'],
  });
const search = z.strictObject({
  kind: z.enum(REVOCATION_KINDS).optional(),
  id: identifier.optional(),
  cursor: z
    .string()
    .max(32)
    .transform((text) => parsePosition(text))
    .refine((position) => position !== undefined, 'must be a next_cursor of this list')
    .optional(),
  limit: pageSize,
});

@Controller('operator/revocations')
export class OperatorRevocationsController {
  constructor(
    private readonly cuttingOff: CuttingOff,
    private readonly history: RevocationHistory,
  ) {}

  /** The log, newest first. What a revocation's receipts say will be at `{epoch}.{seq}` below this. */
  @Get()
  @RequireRole('read')
  async list(@Query({ schema: search }) { kind, id, cursor, limit }: z.infer<typeof search>) {
    const events = await this.history.list({ kind, id, before: cursor }, limit);
    const last = events.length === limit ? events.at(-1) : undefined;
    return {
      items: events.map(serializeRevocationEvent),
      next_cursor: last ? formatPosition(last) : null,
    };
  }

  /** Revokes tokens by a cut-off; a dry run (200) says what it would reach and changes nothing. */
  @Post()
  @RequireRole('end-sessions')
  async add(
    @CurrentOperator() operator: Operator,
    @Body({ schema: cutOff }) body: z.infer<typeof cutOff>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { kind, cutoff } = body;
    const what = { kind, id: body.id ?? '*', cutoff };
    if (body.dry_run) {
      reply.status(HttpStatus.OK);
      const preview = await this.cuttingOff.preview(what);
      return { dry_run: true, kind, id: what.id, cutoff: preview.cutoff, reach: preview.reach };
    }
    const { event, reach } = await this.cuttingOff.cutOff(operator, what, body.reason);
    reply.status(HttpStatus.ACCEPTED);
    return { revocation: { ...serializeRevocationEvent(event), status: 'pending' }, reach };
  }
}
