import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { Described } from '../openapi/described.js';
import { CurrentSession } from './delivery/signed-in.js';
import type { SignedIn } from './delivery/signed-in.js';
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
/** What people see of their own sessions. Ending them asks for a proof: `credentials/session-ends.controller.ts`. */
@Controller('auth/sessions')
export class SessionListController {
  constructor(private readonly list: SessionList) {}

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
}
