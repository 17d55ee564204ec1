import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import { KEY_RING_LOCK, takeLocks } from '../platform/locks.js';
import type { Lock } from '../platform/locks.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import type { Signer } from '../signing-keys/signer.js';
import { claimsFor } from './claims.js';
import type { AccessTokenClaims, TokenSubject } from './claims.js';

/** A cut-off of this very second covers the token: it would be born dead. */
class CoveredByCutoff extends Error {}

const TRIES = 3;
/** The rest of a second, after which a cut-off taken in it covers nothing new. */
const WAIT_MS = 1_050;

export interface IssuedToken {
  readonly encoded: string;
  readonly claims: AccessTokenClaims;
}

/** Issues access tokens. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly ids: Ids,
    private readonly keyRing: KeyRing,
    private readonly revocations: RevocationLog,
  ) {}

  /**
   * Issues a token. Its claims are fixed in one transaction, under shared locks on everything whose end would revoke it
   * and with `iat` from the database's clock, and signed after the commit. So a cut-off either waits for this token and
   * covers it, or is seen here.
   *
   * @param shared what the token stands on, besides the key ring
   * @param subjectOf reads (and may write) state after the locks are held; it runs again when the transaction is repeated
   * @throws {DomainError} `revocation_in_progress` when cut-offs keep covering this second, `client_disabled`
   */
  async issue(
    shared: readonly Omit<Lock, 'mode'>[],
    subjectOf: (tx: EntityManager) => Promise<TokenSubject>,
  ): Promise<IssuedToken> {
    const locks = [KEY_RING_LOCK, ...shared].map((lock) => ({ ...lock, mode: 'shared' as const }));
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      try {
        const { claims, signer } = await this.database.transaction(async (tx) => {
          await takeLocks(tx, locks);
          return this.#fix(tx, await subjectOf(tx));
        });
        return { claims, encoded: await signer.sign({ ...claims, aud: [...claims.aud] }) };
      } catch (error) {
        if (!(error instanceof CoveredByCutoff)) throw error;
        await delay(WAIT_MS);
      }
    }
    throw new DomainError('revocation_in_progress');
  }

  async #fix(
    tx: EntityManager,
    subject: TokenSubject,
  ): Promise<{ claims: AccessTokenClaims; signer: Signer }> {
    const signer = await this.keyRing.activeSigner(tx);
    const cutoff = await this.revocations.cutoffFor(tx, subject.sub, subject.client.id);
    // The client is read here, under its lock: what a caller read before may have been taken from it since.
    const [row] = await tx.query<{ now: string; audiences: string[]; disabled: boolean }[]>(
      `SELECT floor(extract(epoch FROM clock_timestamp())) AS now, audiences, disabled_at IS NOT NULL AS disabled
       FROM clients WHERE id = $1`,
      [subject.client.id],
    );
    if (!row || row.disabled) throw new DomainError('client_disabled');
    const iat = Number(row.now);
    if (cutoff !== undefined && iat <= cutoff) throw new CoveredByCutoff();
    const claims = claimsFor(subject, {
      iss: this.config.ISSUER_URL,
      iat,
      jti: this.ids.uuid(),
      ttlSeconds: this.config.ACCESS_TOKEN_TTL_SECONDS,
      audiences: row.audiences,
    });
    return { claims, signer };
  }
}
