import { Body, Controller, Delete, Headers, Param, Query, Res } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
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
import { OwnSessions } from '../sessions/own-sessions.js';
import type { HowOwnerEnds } from '../sessions/own-sessions.js';
import { OWNER_CHECK_PROBLEMS } from './answer-schemas.js';
import { OwnerCheck } from './owner-check.js';
import { givenPassword } from './password-rules.js';

const one = z.strictObject({ sid: z.string() });
const which = z.strictObject({ keep: z.literal('current').optional() });
/** Needless within five minutes of the sign-in. A body that is lost on the way (RFC 9110 §9.3.5) is a proof that is missing. */
const proof = z.strictObject({ current_password: givenPassword.optional() }).nullish();
type Proof = z.infer<typeof proof>;

/**
 * Ends people's sessions. Whoever ends another one than that which asks proves anew that they are the owner: a thief must not be able to
 * put the owner out. Answered like a logout: the tokens of what has ended are refused everywhere, at the latest when the answer says
 * `applied`; the session that is kept, and its tokens, go on.
 */
@Controller('auth/sessions')
export class SessionEndsController {
  constructor(
    private readonly owners: OwnerCheck,
    private readonly sessions: OwnSessions,
    private readonly awaitedReceipts: AwaitedReceipts,
  ) {}

  @Delete(':sid')
  @Described({
    summary: 'Ends one of them. The one that asks needs no proof.',
    details: WAITING_FOR_RECEIPTS,
    answers: REVOCATION_ANSWERS,
    problems: ['unknown_session', ...OWNER_CHECK_PROBLEMS],
  })
  async end(
    @CurrentSession() signedIn: SignedIn,
    @Param({ schema: one }) { sid }: z.infer<typeof one>,
    @Body({ schema: proof }) body: Proof,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    const isOwn = sid === signedIn.sid;
    if (!isOwn) await this.#prove(signedIn, body, reply);
    return this.#answer(prefer, reply, async (how) => {
      const { accountId } = signedIn;
      const position = await this.sessions.end({ accountId, sid }, 'ended_by_owner', how);
      if (isOwn) takeBackCookies(reply);
      return position;
    });
  }

  @Delete()
  @Described({
    summary: 'Ends all of them, or with `keep=current` all but the one that asks.',
    details: WAITING_FOR_RECEIPTS,
    answers: REVOCATION_ANSWERS,
    problems: OWNER_CHECK_PROBLEMS,
  })
  async endAll(
    @CurrentSession() signedIn: SignedIn,
    @Query({ schema: which }) { keep }: z.infer<typeof which>,
    @Body({ schema: proof }) body: Proof,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    await this.#prove(signedIn, body, reply);
    return this.#answer(prefer, reply, async (how) => {
      if (keep === 'current') return this.sessions.endOthers(signedIn, how);
      const position = await this.sessions.endAll(signedIn, how);
      takeBackCookies(reply);
      return position;
    });
  }

  async #prove({ accountId, sid }: SignedIn, body: Proof, { request }: FastifyReply) {
    const owner = { accountId, sid, from: originOf(request) };
    await this.owners.byPasswordOrRecentSignIn(owner, body?.current_password);
  }

  async #answer(
    prefer: string | undefined,
    reply: FastifyReply,
    end: (how: HowOwnerEnds) => Promise<Position>,
  ): Promise<RevocationAnswer> {
    const wait = readPreferredWait(prefer);
    const from = originOf(reply.request);
    const position = await end({ receiptWanted: wait !== undefined, from });
    return answerRevocation(position, wait, this.awaitedReceipts, reply);
  }
}
