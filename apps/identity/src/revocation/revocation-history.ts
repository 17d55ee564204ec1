import { Injectable } from '@nestjs/common';
import type { Position, RevocationEvent, RevocationKind } from '@countersign/revocation';
import { Database } from '../platform/database.js';
import { toRevocationEvent } from './revocation-row.js';
import type { RevocationRow } from './revocation-row.js';

/** What is looked for; what is left out is not asked about. */
export interface RevocationFilter {
  readonly kind?: RevocationKind | undefined;
  readonly id?: string | undefined;
  /** Only what was written before this one. */
  readonly before?: Position | undefined;
}

/** What a token says of itself, as far as it does; revocations name these. */
export interface TokenNames {
  readonly jti?: string | undefined;
  readonly sid?: string | undefined;
  readonly kid?: string | undefined;
  readonly sub?: string | undefined;
  readonly client?: string | undefined;
  /** NumericDate; without it no cut-off covers the token. */
  readonly iat?: number | undefined;
}

/** So many entries that cover one token are told. */
const MAX_COVERING = 20;

/** Looks things up in the log of revocations, for people; the feed does not come by here. */
@Injectable()
export class RevocationHistory {
  constructor(private readonly database: Database) {}

  /** The newest entries first. */
  async list({ kind, id, before }: RevocationFilter, limit: number): Promise<RevocationEvent[]> {
    const rows = await this.database.run((manager) =>
      manager.query<RevocationRow[]>(
        `SELECT epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted FROM revocations
         WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR id = $2)
           AND ($3::integer IS NULL OR (epoch, seq) < ($3, $4::bigint))
         ORDER BY epoch DESC, seq DESC LIMIT $5`,
        [kind ?? null, id ?? null, before?.epoch ?? null, before?.seq ?? null, limit],
      ),
    );
    return rows.map(toRevocationEvent);
  }

  /** The entries that cover such a token, the newest first. */
  async covering({ jti, sid, kid, sub, client, iat }: TokenNames): Promise<RevocationEvent[]> {
    const rows = await this.database.run((manager) =>
      manager.query<RevocationRow[]>(
        `SELECT epoch, seq, kind, id, cutoff, expires_at, at, receipt_wanted FROM revocations
         WHERE (cutoff IS NULL AND (kind, id) IN (('jti', $1), ('sid', $2), ('kid', $3)))
           OR (cutoff >= $6::float8 AND (kind, id) IN (('sub', $4), ('client', $5), ('all', '*')))
         ORDER BY epoch DESC, seq DESC LIMIT $7`,
        [
          jti ?? null,
          sid ?? null,
          kid ?? null,
          sub ?? null,
          client ?? null,
          iat ?? null,
          MAX_COVERING,
        ],
      ),
    );
    return rows.map(toRevocationEvent);
  }
}
