import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Refusal } from '@countersign/nest-auth';
import { ProblemError } from '@countersign/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Described } from '../openapi/described.js';
import { METHOD } from './described-request.js';
import { AskingGateway } from './asking-gateway.js';
import { REFUSALS_OF_A_REQUEST } from './forward-auth-problems.js';
import { ForwardAuth } from './forward-auth.js';

/** As much as Node takes of all headers together. */
const LONGEST_HEADER = 16 * 1024;

const asked = z.strictObject({
  /** Of the service that the request is meant for. */
  audience: z.string().min(1).max(100),
  method: z.string().regex(METHOD),
  /** Those that say who makes the request and from where, as they came: also twice the same. */
  headers: z
    .array(
      z.tuple([
        z.enum(['authorization', 'cookie', 'origin', 'sec-fetch-site', 'upgrade']),
        z.string().max(LONGEST_HEADER),
      ]),
    )
    .max(32),
});

/** Where a gateway with credentials of its own asks about a request. Relying services with an audience are not gateways. */
@Controller('forward-auth')
export class ForwardAuthController {
  constructor(
    private readonly forwardAuth: ForwardAuth,
    private readonly gateways: AskingGateway,
  ) {}

  @Post()
  @HttpCode(200)
  @Described({
    summary: 'The access token to send on with a request, or the answer that its client is to get.',
    answers: { 200: z.strictObject({ authorization: z.string().optional() }) },
    problems: REFUSALS_OF_A_REQUEST,
  })
  async ask(
    @Body({ schema: asked }) { audience, method, headers }: z.infer<typeof asked>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (!(await this.gateways.isGateway(request))) throw new ProblemError('forbidden');
    const rawHeaders = headers.flat();
    const { authorization, refusal } = await this.forwardAuth.answer({
      audience,
      method,
      rawHeaders,
    });
    if (refusal) {
      reply.headers(refusal.headers);
      throw new Refusal(refusal);
    }
    return { authorization };
  }
}
