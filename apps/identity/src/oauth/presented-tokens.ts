import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { IdentityConfig } from '../config/identity-config.js';
import type { AccessTokenClaims } from '../access-tokens/claims.js';
import { Clock } from '../platform/clock.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { KeyRing } from '../signing-keys/key-ring.js';

/** An access token of ours that somebody presents, with its `kid`. */
export interface PresentedToken {
  readonly kid: string;
  readonly claims: AccessTokenClaims;
}

/** Judges access tokens by the database itself, not by a replica of it: what is committed counts from that moment. */
@Injectable()
export class PresentedTokens {
  #keys: { readonly body: string; readonly get: JWTVerifyGetKey } | undefined;

  constructor(
    private readonly config: IdentityConfig,
    private readonly clock: Clock,
    private readonly database: Database,
    private readonly keyRing: KeyRing,
    private readonly log: RevocationLog,
  ) {}

  /** Reads a token. `undefined` for anything that is not a token of ours, signed by a published key, or that has expired. */
  async read(text: string): Promise<PresentedToken | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify(text, this.#publishedKeys(), {
        algorithms: ['RS256'],
        typ: 'at+jwt',
        issuer: this.config.ISSUER_URL,
        currentDate: this.clock.now(),
        requiredClaims: ['sub', 'aud', 'exp', 'iat', 'jti', 'client_id'],
      });
      // Signed by us, so it has the shape that we give tokens.
      return { kid: protectedHeader.kid ?? '', claims: payload as unknown as AccessTokenClaims };
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  /** Whether no revocation that has been committed covers the token. An ended session has one for as long as its tokens live. */
  async isActive(token: PresentedToken): Promise<boolean> {
    return (await this.#revocationOf(token)) === undefined;
  }

  /**
   * Revokes this token and nothing else. Doing it again changes nothing and answers the same.
   *
   * @returns where in the log of revocations it stands
   */
  async revoke(
    token: PresentedToken,
    { receiptWanted = false }: { readonly receiptWanted?: boolean } = {},
  ): Promise<Position> {
    const before = await this.#revocationOf(token);
    if (before) return before;
    const { epoch, seq } = await this.database.transaction((tx) =>
      this.log.append(tx, { kind: 'jti', id: token.claims.jti, receiptWanted }),
    );
    return { epoch, seq };
  }

  /** The first revocation that covers the token. @throws {DomainError} `database_unavailable` from a standby too: it may lag behind */
  async #revocationOf({ kid, claims }: PresentedToken): Promise<Position | undefined> {
    const [row] = await this.database.run((manager) =>
      manager.query<[{ epoch: number | null; seq: string; standby: boolean }]>(
        `SELECT epoch, seq, pg_is_in_recovery() AS standby FROM (VALUES (1)) AS one LEFT JOIN (
           (SELECT epoch, seq FROM revocations
            WHERE cutoff IS NULL AND (kind, id) IN (('jti', $1), ('sid', $2), ('kid', $3))
            UNION ALL
            SELECT epoch, seq FROM revocations
            WHERE cutoff >= $6 AND (kind, id) IN (('sub', $4), ('client', $5), ('all', '*')))
           ORDER BY epoch, seq LIMIT 1
         ) AS revocation ON true`,
        [claims.jti, claims.sid ?? null, kid, claims.sub, claims.client_id, claims.iat],
      ),
    );
    if (row.standby) throw new DomainError('database_unavailable', 'the database is a standby');
    return row.epoch === null ? undefined : { epoch: row.epoch, seq: Number(row.seq) };
  }

  #publishedKeys(): JWTVerifyGetKey {
    const { body, keys } = this.keyRing.document();
    if (this.#keys?.body !== body) {
      this.#keys = { body, get: createLocalJWKSet({ keys: [...keys] }) };
    }
    return this.#keys.get;
  }
}
