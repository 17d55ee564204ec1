import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Described } from '../../openapi/described.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import { storableText } from '../../platform/storable-text.js';
import { KeyRevocation } from '../../signing-keys/key-revocation.js';
import { KeyRotation } from '../../signing-keys/key-rotation.js';
import { RotationDriver } from '../../signing-keys/rotation-driver.js';
import { actorOf } from '../operator.js';
import type { Operator } from '../operator.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { answersOf, pageOf, revoking, WAITING } from './answer-schemas.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { reason } from './shared-input.js';
import {
  keyAnswer,
  keysJson,
  planAnswer,
  planJson,
  stepAnswer,
  stepsJson,
} from './signing-keys-json.js';

const byKid = z.strictObject({ kid: z.string().regex(/^[\w-]{1,256}$/) });
const nothing = z.strictObject({}).nullish();
const hypothesis = z.strictObject({ request: z.enum(['rotate', 'force']).optional() });
const rotation = z.strictObject({
  /** Without waiting for publication or reports. */
  force: z.boolean().default(false),
  dry_run: z.boolean().default(false),
  reason,
});
const revocation = z.strictObject({
  reason: storableText.min(1).max(200),
  /** Let a key sign that has just been made, not the prepared one. */
  fresh: z.boolean().default(false),
});

const turned = z.strictObject({
  dry_run: z.boolean(),
  applied: z.array(stepAnswer),
  plan: planAnswer,
});

@Controller('operator/keys')
export class OperatorSigningKeysController {
  constructor(
    private readonly rotation: KeyRotation,
    private readonly revocation: KeyRevocation,
    private readonly driver: RotationDriver,
    private readonly answers: ReceiptAnswers,
  ) {}

  @Get()
  @RequireRole('read')
  @Described({
    summary: 'The published keys, the oldest first, and those that were revoked.',
    answers: { 200: pageOf(keyAnswer) },
  })
  async list() {
    return { items: keysJson(await this.rotation.keys()), next_cursor: null };
  }

  @Get('plan')
  @RequireRole('read')
  @Described({
    summary:
      'What would be done now, what the next key waits for, and who has not reported it. Changes nothing.',
    answers: { 200: planAnswer },
  })
  async plan(@Query({ schema: hypothesis }) { request }: z.infer<typeof hypothesis>) {
    const { plan, state } = await this.rotation.plan(request && { forced: request === 'force' });
    return planJson(plan, state.now);
  }

  @Post('rotate')
  @RequireRole('keys')
  @Described({
    summary: 'Asks for the next key to sign as soon as it may.',
    details: '200 when it does, 202 when it waits. A dry run (200) changes nothing.',
    answers: answersOf(turned),
  })
  async rotate(
    @CurrentOperator() operator: Operator,
    @Body({ schema: rotation }) { force, dry_run: dryRun, reason: why }: z.infer<typeof rotation>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const request = { forced: force, reason: why };
    if (dryRun) {
      reply.status(200);
      const { plan, state } = await this.rotation.plan(request);
      return { dry_run: true, applied: [], plan: planJson(plan, state.now) };
    }
    const turn = await this.rotation.request(actorOf(operator), request);
    this.driver.take(turn);
    const { applied } = turn;
    reply.status(applied.some((step) => step.do === 'activate') ? 200 : 202);
    const { plan, state } = await this.rotation.plan();
    return { dry_run: false, applied: stepsJson(applied), plan: planJson(plan, state.now) };
  }

  @Post(':kid/purge')
  @HttpCode(204)
  @RequireRole('keys')
  @Described({
    summary: 'Takes a key that signs no more out of the JWKS, if none of its tokens can be live.',
    answers: { 204: null },
    problems: ['unknown_signing_key', 'signing_key_in_use'],
  })
  async purge(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byKid }) { kid }: z.infer<typeof byKid>,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
  ) {
    await this.rotation.purge(actorOf(operator), kid);
  }

  @Post(':kid/revoke')
  @RequireRole('keys')
  @Described({
    summary: 'Withdraws a key at once, with every token that it signed.',
    details: WAITING,
    answers: answersOf(
      z.strictObject({
        kid: z.string(),
        signs: z.string().describe('The key that signs from here on'),
        ...revoking,
      }),
    ),
    problems: ['unknown_signing_key', 'signing_key_in_use', 'signing_key_revoked'],
  })
  async revoke(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byKid }) { kid }: z.infer<typeof byKid>,
    @Body({ schema: revocation }) body: z.infer<typeof revocation>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wait = readPreferredWait(prefer);
    const order = { ...body, receiptWanted: wait !== undefined };
    const { event, signs } = await this.revocation.revoke(actorOf(operator), kid, order);
    this.driver.turnSoon();
    return { kid, signs, ...(await this.answers.answer(event, wait, reply)) };
  }
}
