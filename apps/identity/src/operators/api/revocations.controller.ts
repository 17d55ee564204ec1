import {
  Body,
  Controller,
  Get,
  Headers,
  HttpStatus,
  Param,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import {
  formatPosition,
  parsePosition,
  REVOCATION_KINDS,
  serializeRevocationEvent,
} from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Described } from '../../openapi/described.js';
import { DomainError } from '../../platform/domain-error.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import { storableText } from '../../platform/storable-text.js';
import { Receipts } from '../../relying-services/receipts.js';
import { RevocationHistory } from '../../revocation/revocation-history.js';
import { CuttingOff } from '../cutting-off.js';
import type { Operator } from '../operator.js';
import { cuttingOff, eventAnswer, pageOf, receiptsAnswer, WAITING } from './answer-schemas.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { receiptsJson } from './receipts-json.js';
import { pageSize, reason } from './shared-input.js';

const identifier = storableText.min(1).max(256);
const cutOff = z
  .strictObject({
    kind: z.enum(['sub', 'client', 'all']),
    id: identifier.optional(),
    /** NumericDate seconds; tokens issued up to and including it. Until now when left out. */
    cutoff: z.int().min(0).max(253_402_300_799).optional(),
    /** End the sessions that it reaches, too. */
    end_sessions: z.boolean().default(false),
    dry_run: z.boolean().default(false),
    reason,
  })
  .refine(({ kind, id }) => (kind === 'all') === (id === undefined), {
    message: 'must be there for sub and client, and not for all',
    path: ['id'],
  });
const byPosition = z.strictObject({ position: z.string().transform(parsePosition) });
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

const reach = z
  .strictObject({ accounts: z.int(), sessions: z.int() })
  .describe('Live sessions that began up to the cut-off, and whose they are');
const done = z.strictObject({ ...cuttingOff, reach, ended_sessions: z.int() });
const preview = z.strictObject({
  dry_run: z.literal(true),
  kind: z.enum(['sub', 'client', 'all']),
  id: z.string(),
  cutoff: z.int(),
  reach,
  sessions_to_end: z.int(),
});

@Controller('operator/revocations')
export class OperatorRevocationsController {
  constructor(
    private readonly cuttingOff: CuttingOff,
    private readonly history: RevocationHistory,
    private readonly receipts: Receipts,
    private readonly answers: ReceiptAnswers,
  ) {}

  @Get()
  @RequireRole('read')
  @Described({
    summary: 'The log of revocations, the newest first.',
    answers: { 200: pageOf(eventAnswer) },
  })
  async list(@Query({ schema: search }) { kind, id, cursor, limit }: z.infer<typeof search>) {
    const events = await this.history.list({ kind, id, before: cursor }, limit);
    const last = events.length === limit ? events.at(-1) : undefined;
    return {
      items: events.map(serializeRevocationEvent),
      next_cursor: last ? formatPosition(last) : null,
    };
  }

  @Get(':position')
  @RequireRole('read')
  @Described({
    summary: 'Who has applied one revocation: each live instance, and how long that took.',
    details: 'A position is `<epoch>.<seq>`.',
    answers: { 200: receiptsAnswer },
    problems: ['unknown_revocation'],
  })
  async show(@Param({ schema: byPosition }) { position }: z.infer<typeof byPosition>) {
    const receipts = position && (await this.receipts.of(position));
    if (!receipts) throw new DomainError('unknown_revocation');
    return receiptsJson(receipts);
  }

  @Post()
  @RequireRole('end-sessions')
  @Described({
    summary: 'Revokes tokens by a cut-off.',
    details: `A dry run (200) says what it would reach and changes nothing. ${WAITING}`,
    answers: { 200: z.union([done, preview]), 202: done },
    problems: ['cutoff_in_future'],
  })
  async add(
    @CurrentOperator() operator: Operator,
    @Body({ schema: cutOff }) body: z.infer<typeof cutOff>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { kind, cutoff, end_sessions: endSessions } = body;
    const what = { kind, id: body.id ?? '*', cutoff };
    if (body.dry_run) {
      reply.status(HttpStatus.OK);
      const preview = await this.cuttingOff.preview(what);
      return {
        dry_run: true,
        kind,
        id: what.id,
        cutoff: preview.cutoff,
        reach: preview.reach,
        sessions_to_end: endSessions ? preview.reach.sessions : 0,
      };
    }
    const wait = readPreferredWait(prefer);
    const how = { reason: body.reason, receiptWanted: wait !== undefined, endSessions };
    const { event, reach, endedSessions } = await this.cuttingOff.cutOff(operator, what, how);
    const { revocation, instances } = await this.answers.answer(event, wait, reply);
    return {
      revocation: { ...serializeRevocationEvent(event), status: revocation.status },
      reach,
      ended_sessions: endedSessions,
      ...(instances && { instances }),
    };
  }
}
