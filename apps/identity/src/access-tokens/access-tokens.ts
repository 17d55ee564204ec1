import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { IdentityConfig } from '../config/identity-config.js';
import { Database, prepared } from '../platform/database.js';
import type { Statement } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import { KEY_RING_LOCK, lockingStatement } from '../platform/locks.js';
import type { Lock } from '../platform/locks.js';
import { KeyRing } from '../signing-keys/key-ring.js';
import type { Signer } from '../signing-keys/signer.js';
import { claimsFor } from './claims.js';
import type { AccessTokenClaims, TokenSubject } from './claims.js';
import { encodeAccessToken } from './encode-access-token.js';
import { mintFactColumns } from './mint-facts.js';
import type { MintFacts } from './mint-facts.js';

/** A cut-off of this very second covers the token: it would be born dead. */
class CoveredByCutoff extends Error {}

const TRIES = 3;
/** The rest of a second, after which a cut-off taken in it covers nothing new. */
const WAIT_MS = 1_050;

export interface IssuedToken {
  readonly encoded: string;
  readonly claims: AccessTokenClaims;
}

/** Whom to issue a token to. */
export interface Mint {
  readonly subject: TokenSubject;
  /** When they have been read along with the subject. */
  readonly facts?: MintFacts;
  /** The last statements of the transaction; sent along with the commit. */
  readonly closing?: readonly Statement[];
}

/** No token, for this reason. What has been written until then is committed. */
export interface NoMint<Reason> {
  readonly instead: Reason;
}

/** What a token will say, and who signs it. */
interface FixedToken {
  readonly claims: AccessTokenClaims;
  readonly signer: Signer;
}

/** Issues access tokens. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly ids: Ids,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * Issues a token. Its claims are fixed in one transaction, under shared locks on everything whose end would revoke it
   * and with `iat` from the database's clock, and signed after the commit. So a cut-off either waits for this token and
   * covers it, or is seen here.
   *
   * @param shared what the token stands on, besides the key ring
   * @param subjectOf reads (and may write) state after the locks are held; it runs again when the transaction is repeated
   * @throws {DomainError} `revocation_in_progress` when cut-offs keep covering this second, `client_disabled`,
   *   `database_unavailable` from a standby too
   */
  async issue(
    shared: readonly Omit<Lock, 'mode'>[],
    subjectOf: (tx: EntityManager) => Promise<TokenSubject>,
  ): Promise<IssuedToken> {
    const locks = [KEY_RING_LOCK, ...shared].map((lock) => ({ ...lock, mode: 'shared' as const }));
    const issued = await this.issueUnder<never>(lockingStatement(locks), async (tx) => ({
      subject: await subjectOf(tx),
    }));
    if ('instead' in issued) throw new TypeError('there is nothing instead of a token');
    return issued;
  }

  /**
   * The same with locks that the caller says how to take, the key ring's among them, and a way to say no that commits.
   *
   * @param locking one statement without parameters
   * @param decide is given the rows of `reading`, and runs again when the transaction is repeated
   * @param reading what is read after the locks are held, in one go with them
   */
  async issueUnder<Reason>(
    locking: string,
    decide: (tx: EntityManager, rows: readonly object[]) => Promise<Mint | NoMint<Reason>>,
    reading?: Statement,
  ): Promise<IssuedToken | NoMint<Reason>> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      try {
        const fixed = await this.database.brief<FixedToken | NoMint<Reason>>(
          locking,
          async (tx, rows) => {
            const decided = await decide(tx, rows);
            if ('instead' in decided) return { result: decided };
            const { closing = [] } = decided;
            return { result: await this.#fix(tx, decided), closing };
          },
          reading,
        );
        return 'instead' in fixed ? fixed : await sign(fixed);
      } catch (error) {
        if (!(error instanceof CoveredByCutoff)) throw error;
        await delay(WAIT_MS);
      }
    }
    throw new DomainError('revocation_in_progress');
  }

  /**
   * The same for many in one transaction: for as many of them as it can be done without waiting. What is left is to be issued by itself:
   * where a cut-off covers this second, a client is disabled, or the database is a standby.
   *
   * @param locking takes only what need not be waited for, and says what
   * @param decide is given the rows of `reading` and of `locking`; nothing for what is left
   * @returns in the order of what was decided
   * @throws {DomainError} `database_unavailable`
   */
  async issueTogether(
    locking: string,
    decide: (rows: readonly object[], locked: readonly object[]) => readonly (Mint | undefined)[],
    reading: Statement,
  ): Promise<(IssuedToken | undefined)[]> {
    const all = await this.database.brief<readonly (FixedToken | undefined)[]>(
      locking,
      async (tx, rows, locked) => {
        const result: (FixedToken | undefined)[] = [];
        const closing: Statement[] = [];
        for (const mint of decide(rows, locked)) {
          const fixed = mint && (await this.#fixIfPossible(tx, mint));
          result.push(fixed);
          if (fixed) closing.push(...(mint.closing ?? []));
        }
        return { result, closing };
      },
      reading,
    );
    return Promise.all(all.map(async (fixed) => fixed && sign(fixed)));
  }

  async #fixIfPossible(tx: EntityManager, mint: Mint): Promise<FixedToken | undefined> {
    try {
      return await this.#fix(tx, mint);
    } catch (error) {
      if (error instanceof CoveredByCutoff || error instanceof DomainError) return undefined;
      throw error;
    }
  }

  async #fix(tx: EntityManager, { subject, facts }: Mint): Promise<FixedToken> {
    const { kid, cutoff, iat, audiences, standby } = facts ?? (await readFacts(tx, subject));
    if (standby) {
      // Not told: whoever signs in there with a wrong password hears of a row that cannot be written, and nobody should know which it was.
      const cause = new Error('the database is a standby');
      throw new DomainError('database_unavailable', undefined, { cause });
    }
    // The client is read under its lock: what a caller read before may have been taken from it since.
    if (audiences === null) throw new DomainError('client_disabled');
    if (cutoff !== null && iat <= Number(cutoff)) throw new CoveredByCutoff();
    const signer = await this.keyRing.signerOf(tx, kid);
    const longest = this.config.ACCESS_TOKEN_TTL_SECONDS;
    const claims = claimsFor(subject, {
      iss: this.config.ISSUER_URL,
      iat,
      jti: this.ids.uuid(),
      ttlSeconds: subject.session ? this.#jittered(longest) : longest,
      audiences,
    });
    return { claims, signer };
  }

  /** Never longer than `seconds`: browsers that have signed in in one moment should not all refresh in one. */
  #jittered(seconds: number): number {
    const most = Math.floor((seconds * this.config.EXPIRY_JITTER_PERCENT) / 100);
    return seconds - this.ids.below(most + 1);
  }
}

async function sign({ claims, signer }: FixedToken): Promise<IssuedToken> {
  return { claims, encoded: await encodeAccessToken(signer, claims) };
}

async function readFacts(tx: EntityManager, { sub, client }: TokenSubject): Promise<MintFacts> {
  const [facts] = await prepared<MintFacts>(tx, {
    name: 'mint_facts',
    text: `SELECT ${mintFactColumns('$1', '$2')}`,
    values: [sub, client.id],
  });
  if (!facts) throw new TypeError('the database answered without a row');
  return facts;
}
