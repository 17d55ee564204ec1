import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Described } from '../openapi/described.js';
import { CheckIns } from './check-ins.js';
import { relyingServiceOf } from './relying-service.guard.js';

const report = z.strictObject({
  instance_id: z.uuid(),
  kids: z.array(z.string().regex(/^[\w-]{1,256}$/)).max(64),
  applied: z
    .strictObject({
      epoch: z
        .int()
        .min(1)
        .max(2 ** 31 - 1),
      seq: z.int().min(0),
    })
    .optional(),
  proof: z
    .string()
    .regex(/^[\w.-]{1,256}$/)
    .optional(),
  hard_staleness_seconds: z.number().positive().max(86_400).optional(),
  goodbye: z.boolean().optional(),
});

/** Where instances of relying services say what they hold. */
@Controller('relying-services')
export class CheckInController {
  constructor(private readonly checkIns: CheckIns) {}

  @Post('check-in')
  @HttpCode(200)
  @Described({
    summary: 'An instance says which keys it holds and how far it has applied the revocations.',
    answers: { 200: z.strictObject({ epoch: z.int(), head: z.int() }) },
  })
  async checkIn(
    @Body({ schema: report }) body: z.infer<typeof report>,
    @Req() request: FastifyRequest,
  ) {
    const { head } = await this.checkIns.checkIn(relyingServiceOf(request), {
      instanceId: body.instance_id,
      kids: body.kids,
      applied: body.applied,
      proof: body.proof,
      ...(body.hard_staleness_seconds !== undefined && {
        hardStalenessSeconds: body.hard_staleness_seconds,
      }),
      goodbye: body.goodbye ?? false,
    });
    return { epoch: head.epoch, head: head.seq };
  }
}
