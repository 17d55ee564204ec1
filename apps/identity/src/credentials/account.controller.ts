import { Body, Controller, Headers, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { originOf } from '../audit/personal-details.js';
import { Described } from '../openapi/described.js';
import { readPreferredWait } from '../platform/preferred-wait.js';
import { AwaitedReceipts } from '../relying-services/awaited-receipts.js';
import {
  answerRevocation,
  REVOCATION_ANSWERS,
  WAITING_FOR_RECEIPTS,
} from '../relying-services/revocation-answer.js';
import type { RevocationAnswer } from '../relying-services/revocation-answer.js';
import { takeBackCookies } from '../sessions/delivery/deliver-credentials.js';
import { CurrentSession } from '../sessions/delivery/signed-in.js';
import type { SignedIn } from '../sessions/delivery/signed-in.js';
import { AccountDeletion } from './account-deletion.js';
import { AccountExport } from './account-export.js';
import { exportedAccount, exportedAccountJson } from './exported-account-json.js';
import { OWNER_CHECK_PROBLEMS } from './answer-schemas.js';
import { givenPassword } from './password-rules.js';

/** Needless within five minutes of the sign-in. */
const proof = z.strictObject({ current_password: givenPassword.optional() });

/** What people do with their account as a whole. POST: a body of a DELETE may be lost on the way (RFC 9110 §9.3.5). */
@Controller('auth/account')
export class AccountController {
  constructor(
    private readonly accountExport: AccountExport,
    private readonly accountDeletion: AccountDeletion,
    private readonly awaitedReceipts: AwaitedReceipts,
  ) {}

  @Post('export')
  @HttpCode(200)
  @Described({
    summary: 'Everything that is kept about the account, as a file.',
    answers: { 200: exportedAccount },
    problems: OWNER_CHECK_PROBLEMS,
  })
  async export(
    @CurrentSession() { accountId, sid }: SignedIn,
    @Body({ schema: proof }) { current_password: password }: z.infer<typeof proof>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const owner = { accountId, sid, from: originOf(request) };
    const exported = await this.accountExport.export(owner, password);
    reply.header('content-disposition', 'attachment; filename="account.json"');
    return exportedAccountJson(exported);
  }

  @Post('delete')
  @Described({
    summary: 'Deletes the account and ends all its sessions.',
    details: WAITING_FOR_RECEIPTS,
    answers: REVOCATION_ANSWERS,
    problems: OWNER_CHECK_PROBLEMS,
  })
  async delete(
    @CurrentSession() { accountId, sid }: SignedIn,
    @Body({ schema: proof }) { current_password: password }: z.infer<typeof proof>,
    @Headers('prefer') prefer: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    const wait = readPreferredWait(prefer);
    const owner = { accountId, sid, from: originOf(request) };
    const position = await this.accountDeletion.delete(owner, password, {
      receiptWanted: wait !== undefined,
    });
    takeBackCookies(reply);
    return answerRevocation(position, wait, this.awaitedReceipts, reply);
  }
}
