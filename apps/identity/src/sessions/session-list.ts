import { Injectable } from '@nestjs/common';
import { Database } from '../platform/database.js';
import type { Session } from './session.js';

/** A live session as its owner sees it. Instants are NumericDate seconds. */
export interface ListedSession {
  readonly sid: string;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly delivery: Session['delivery'];
  readonly createdAt: number;
  readonly lastSeenAt: number;
  /** Over at this moment unless it is used before. */
  readonly expiresAt: number;
}

/** A place in the list: the last one of a page. */
export interface ListPlace {
  /** Microseconds since 1970, of the database. */
  readonly createdAtMicros: string;
  readonly sid: string;
}

/** One page; `next` when there may be more. */
export interface SessionPage {
  readonly sessions: readonly ListedSession[];
  readonly next: ListPlace | undefined;
}

/** Lists sessions for their owners. */
@Injectable()
export class SessionList {
  constructor(private readonly database: Database) {}

  /** The live sessions of an account, newest first. */
  async of(accountId: string, after: ListPlace | undefined, limit: number): Promise<SessionPage> {
    const rows = await this.database.run((manager) =>
      manager.query<(ListedSession & { micros: string })[]>(
        `SELECT sid, device_name AS "deviceName", user_agent AS "userAgent", host(ip) AS ip, delivery,
           floor(extract(epoch FROM created_at))::float8 AS "createdAt",
           floor(extract(epoch FROM last_seen_at))::float8 AS "lastSeenAt",
           floor(extract(epoch FROM least(expires_at, idle_expires_at)))::float8 AS "expiresAt",
           (extract(epoch FROM created_at) * 1000000)::bigint AS micros
         FROM sessions
         WHERE account_id = $1 AND ended_at IS NULL AND least(expires_at, idle_expires_at) > clock_timestamp()
           AND ($2::bigint IS NULL
             OR (created_at, sid) < (timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3::uuid))
         ORDER BY created_at DESC, sid DESC LIMIT $4`,
        [accountId, after?.createdAtMicros ?? null, after?.sid ?? null, limit],
      ),
    );
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      sessions: rows.map(({ micros: _, ...session }) => session),
      next: last && { createdAtMicros: last.micros, sid: last.sid },
    };
  }
}
