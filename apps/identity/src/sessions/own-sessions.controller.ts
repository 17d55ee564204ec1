import { Controller, Delete, Get, Headers, Param, Query, Res } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { personalDetails } from '../audit/personal-details.js';
import { Described } from '../openapi/described.js';
import { readPreferredWait } from '../platform/preferred-wait.js';
import { AwaitedReceipts } from '../relying-services/awaited-receipts.js';
import {
  answerRevocation,
  REVOCATION_ANSWERS,
  WAITING_FOR_RECEIPTS,
} from '../relying-services/revocation-answer.js';
import type { RevocationAnswer } from '../relying-services/revocation-answer.js';
import { takeBackCookies } from './delivery/deliver-credentials.js';
import { CurrentSession } from './delivery/signed-in.js';
import type { SignedIn } from './delivery/signed-in.js';
import { OwnSessions } from './own-sessions.js';
import type { HowOwnerEnds } from './own-sessions.js';
import { SessionList } from './session-list.js';
import type { ListPlace } from './session-list.js';

const page = z.strictObject({
  /** Where the page before ended. */
  cursor: z
    .string()
    .regex(/^\d{1,17}\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
    .transform((text): ListPlace => {
      const [createdAtMicros = '', sid = ''] = text.split('.');
      return { createdAtMicros, sid };
    })
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const listed = z.strictObject({
  sid: z.uuid(),
  device_name: z.string().nullable(),
  user_agent: z.string().nullable(),
  ip: z.string().nullable(),
  delivery: z.enum(['bearer', 'cookie', 'session']),
  created_at: z.number(),
  last_seen_at: z.number(),
  expires_at: z.number(),
  current: z.boolean().describe('The one that asks'),
});
const one = z.strictObject({ sid: z.string() });
const which = z.strictObject({ keep: z.literal('current').optional() });

/**
 * What people see of their own sessions, and do about them. Ends are answered like a logout: the tokens of what has ended are
 * refused everywhere, at the latest when the answer says `applied`; the session that is kept, and its tokens, go on.
 */
@Controller('auth/sessions')
export class OwnSessionsController {
  constructor(
    private readonly list: SessionList,
    private readonly sessions: OwnSessions,
    private readonly awaitedReceipts: AwaitedReceipts,
  ) {}

  @Get()
  @Described({
    summary: 'The live sessions of the account, newest first.',
    answers: {
      200: z.strictObject({ items: z.array(listed), next_cursor: z.string().nullable() }),
    },
  })
  async all(
    @CurrentSession() { accountId, sid: current }: SignedIn,
    @Query({ schema: page }) { cursor, limit }: z.infer<typeof page>,
  ) {
    const { sessions, next } = await this.list.of(accountId, cursor, limit);
    return {
      items: sessions.map((session) => ({
        sid: session.sid,
        device_name: session.deviceName,
        user_agent: session.userAgent,
        ip: session.ip,
        delivery: session.delivery,
        created_at: session.createdAt,
        last_seen_at: session.lastSeenAt,
        expires_at: session.expiresAt,
        current: session.sid === current,
      })),
      next_cursor: next ? `${next.createdAtMicros}.${next.sid}` : null,
    };
  }

  @Delete(':sid')
  @Described({
    summary: 'Ends one of them, which may be the one that asks.',
    details: WAITING_FOR_RECEIPTS,
    answers: REVOCATION_ANSWERS,
    problems: ['unknown_session'],
  })
  async end(
    @CurrentSession() { accountId, sid: current }: SignedIn,
    @Param({ schema: one }) { sid }: z.infer<typeof one>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    return this.#answer(prefer, reply, async (how) => {
      const position = await this.sessions.end({ accountId, sid }, 'ended_by_owner', how);
      if (sid === current) takeBackCookies(reply);
      return position;
    });
  }

  @Delete()
  @Described({
    summary: 'Ends all of them, or with `keep=current` all but the one that asks.',
    details: WAITING_FOR_RECEIPTS,
    answers: REVOCATION_ANSWERS,
  })
  async endAll(
    @CurrentSession() signedIn: SignedIn,
    @Query({ schema: which }) { keep }: z.infer<typeof which>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RevocationAnswer> {
    return this.#answer(prefer, reply, async (how) => {
      if (keep === 'current') return this.sessions.endOthers(signedIn, how);
      const position = await this.sessions.endAll(signedIn, how);
      takeBackCookies(reply);
      return position;
    });
  }

  async #answer(
    prefer: string | undefined,
    reply: FastifyReply,
    end: (how: HowOwnerEnds) => Promise<Position>,
  ): Promise<RevocationAnswer> {
    const wait = readPreferredWait(prefer);
    const { ip, headers } = reply.request;
    const from = personalDetails(ip, headers['user-agent']);
    const position = await end({ receiptWanted: wait !== undefined, from });
    return answerRevocation(position, wait, this.awaitedReceipts, reply);
  }
}
