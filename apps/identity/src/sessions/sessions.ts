import { Injectable } from '@nestjs/common';
import type { Position } from '@countersign/revocation';
import { IsNull } from 'typeorm';
import type { EntityManager } from 'typeorm';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import { Client, DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Account, maySignIn } from '../accounts/account.js';
import { scopesOf } from '../accounts/roles.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Database } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import { takeLocks } from '../platform/locks.js';
import { EpochRaising } from '../revocation/epoch-raising.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import { endAllSessions, endSessionsIn } from './end-sessions.js';
import type { EndReason } from './end-sessions.js';
import { Session } from './session.js';

/** What is known of a sign-in besides the account. */
export interface SignInContext {
  readonly client: Client;
  readonly delivery: Session['delivery'];
  readonly remember: boolean;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  /** The client's address, when it is one. */
  readonly ip: string | null;
}

/** A new session with its first access token. */
export interface BegunSession {
  readonly session: Session;
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
}

/** Begins and ends sessions. */
@Injectable()
export class Sessions {
  constructor(
    private readonly config: IdentityConfig,
    private readonly database: Database,
    private readonly ids: Ids,
    private readonly accessTokens: AccessTokens,
    private readonly revocations: RevocationLog,
    raising: EpochRaising,
  ) {
    raising.whenHistoryIsLost(endAllSessions);
  }

  /**
   * The client that somebody signs in through; the first-party one when none is named.
   *
   * @throws {DomainError} `unknown_client` when it is not a public client marked for sign-in
   */
  async signInClient(id: string = DEFAULT_CLIENT_ID): Promise<Client> {
    const client = await this.database.run((manager) =>
      manager.findOneBy(Client, { id, kind: 'public', signIn: true, disabledAt: IsNull() }),
    );
    if (!client) {
      throw new DomainError(
        'unknown_client',
        'client_id is not a client that people sign in through',
      );
    }
    return client;
  }

  /**
   * Begins a session for an account that has proved who it is, and issues its first access token.
   *
   * @throws {DomainError} `credentials_rejected` when the account may not sign in any more
   */
  async begin(accountId: string, context: SignInContext): Promise<BegunSession> {
    const sid = this.ids.uuid();
    let session: Session | undefined;
    const locks = [
      { resource: 'client', id: context.client.id },
      { resource: 'account', id: accountId },
      { resource: 'session', id: sid },
    ] as const;
    const token = await this.accessTokens.issue(locks, async (tx) => {
      const account = await tx.findOneBy(Account, { id: accountId });
      if (!account || !maySignIn(account)) throw new DomainError('credentials_rejected');
      session = await this.#insert(tx, sid, account, context);
      return {
        sub: account.id,
        client: context.client,
        scopes: scopesOf(account.roles),
        roles: account.roles,
        session: {
          sid,
          authTime: seconds(session.authTime),
          expiresAt: seconds(session.expiresAt),
        },
      };
    });
    if (!session) throw new TypeError('a token was issued without a session');
    const { exp, iat } = token.claims;
    return { session, accessToken: token.encoded, expiresIn: exp - iat };
  }

  /**
   * Ends a session and revokes its `sid`, in one transaction. Ending it again changes nothing and answers the same.
   *
   * @returns where in the log of revocations it stands
   * @throws {DomainError} `session_ended` when there is no such session
   */
  async end(
    sid: string,
    reason: EndReason,
    options: { readonly receiptWanted?: boolean } = {},
  ): Promise<Position> {
    const ended = await this.database.transaction((tx) => this.endIn(tx, sid, reason, options));
    if (!ended) throw new DomainError('session_ended');
    return ended.position;
  }

  /**
   * The same in a transaction of the caller's, which holds no lock that comes after the session's.
   *
   * @returns `undefined` when there is no such session
   */
  async endIn(
    tx: EntityManager,
    sid: string,
    reason: EndReason,
    { receiptWanted = false }: { readonly receiptWanted?: boolean } = {},
  ): Promise<{ readonly position: Position; readonly already: boolean } | undefined> {
    await takeLocks(tx, [{ resource: 'session', id: sid, mode: 'exclusive' }]);
    const session = await tx.findOneBy(Session, { sid });
    if (!session) return undefined;
    if (session.endedEpoch !== null) {
      const position = { epoch: session.endedEpoch, seq: Number(session.endedSeq) };
      return { position, already: true };
    }
    const { epoch, seq } = await this.revocations.append(tx, {
      kind: 'sid',
      id: sid,
      receiptWanted,
    });
    await tx.query(
      `UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2, ended_epoch = $3, ended_seq = $4
       WHERE sid = $1 AND ended_at IS NULL`,
      [sid, reason, epoch, seq],
    );
    return { position: { epoch, seq }, already: false };
  }

  /**
   * Ends every session of an account by one `sub` cut-off, in a transaction of the caller's that holds the account's lock
   * alone: so no token is issued meanwhile. A logout in the same moment writes its own revocation too, and nothing else.
   */
  async endAllIn(
    tx: EntityManager,
    accountId: string,
    reason: EndReason,
    { receiptWanted = false }: { readonly receiptWanted?: boolean } = {},
  ): Promise<{ readonly position: Position; readonly sessions: number }> {
    const { epoch, seq } = await this.revocations.append(tx, {
      kind: 'sub',
      id: accountId,
      receiptWanted,
    });
    const position = { epoch, seq };
    const sessions = await endSessionsIn(tx, { accountId }, reason, position);
    return { position, sessions };
  }

  async #insert(
    tx: EntityManager,
    sid: string,
    account: Account,
    context: SignInContext,
  ): Promise<Session> {
    const ttl = context.remember
      ? this.config.REMEMBERED_SESSION_TTL_SECONDS
      : this.config.SESSION_TTL_SECONDS;
    await tx.query(
      `INSERT INTO sessions (sid, account_id, client_id, delivery, remembered, device_name, user_agent, ip,
         auth_time, created_at, last_seen_at, expires_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, t, t, t, t + make_interval(secs => $9)
       FROM clock_timestamp() AS t`,
      [
        sid,
        account.id,
        context.client.id,
        context.delivery,
        context.remember,
        context.deviceName,
        context.userAgent,
        context.ip,
        ttl,
      ],
    );
    return tx.findOneByOrFail(Session, { sid });
  }
}

function seconds(instant: Date): number {
  return instant.getTime() / 1000;
}
