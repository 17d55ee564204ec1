import { Injectable } from '@nestjs/common';
import type { IssuedToken, Mint } from '../access-tokens/access-tokens.js';
import { maySignIn } from '../accounts/account.js';
import { passwordEraOf } from '../accounts/accounts.js';
import { scopesOf } from '../accounts/roles.js';
import { accountActor, recording } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import type { Statement } from '../platform/database.js';
import { DomainError } from '../platform/domain-error.js';
import { Ids } from '../platform/ids.js';
import type { SessionCredentials } from './session-credentials.js';
import { sessionLifetime } from './session-lifetime.js';
import { insertingSession } from './session-rows.js';
import { SessionSecrets } from './session-secrets.js';
import type { FreshSecrets } from './session-secrets.js';
import type { Session } from './session.js';
import { unknownClient } from './signing-in.js';
import type { BeginningSession, SigningIn } from './signing-in.js';

/** What is known of a sign-in besides the account. */
export interface SignInContext {
  /** Of a client that people sign in through. */
  readonly clientId: string;
  readonly delivery: Session['delivery'];
  readonly remember: boolean;
  readonly deviceName: string | null;
  readonly userAgent: string | null;
  /** The client's address, when it is one. */
  readonly ip: string | null;
}

/** Who is to have a session. */
export interface AskedSession {
  readonly accountId: string;
  readonly context: SignInContext;
  /** The hash that the given password was found to match, outside any lock. */
  readonly provedHash?: string | null | undefined;
}

/** A session before it is there: with an id and secrets that nobody has seen. */
export interface NewSession extends AskedSession, BeginningSession {
  readonly secrets: FreshSecrets;
}

/** A session that has begun, with everything that a client may get of it. */
export interface BegunSession extends SessionCredentials {
  readonly session: Pick<Session, 'sid' | 'accountId' | 'delivery' | 'remembered' | 'deviceName'>;
  /** How many other sessions of the account were live. */
  readonly others: number;
}

/** The password that was proved is not the account's any more. */
export class PasswordHasChanged extends Error {
  override readonly name = 'PasswordHasChanged';
}

/** Decides whether sessions begin, and makes them, each with its row in the audit log. */
@Injectable()
export class NewSessions {
  constructor(
    private readonly config: IdentityConfig,
    private readonly ids: Ids,
    private readonly secrets: SessionSecrets,
  ) {}

  /** Whatever the client held before, nothing of it is used. */
  make(asked: AskedSession): NewSession {
    const sid = this.ids.uuid();
    const { clientId, delivery } = asked.context;
    return { ...asked, sid, clientId, secrets: this.secrets.make(sid, delivery, 0) };
  }

  /**
   * Whom its first token speaks for, and the statements that begin it, whose times are all counted from one moment.
   *
   * @param row as it was read under the locks
   * @throws {DomainError} `unknown_client`, `credentials_rejected` when the account may not sign in any more
   * @throws {PasswordHasChanged} when the account has another hash by now
   */
  admit(session: NewSession, row: SigningIn | undefined): Mint & { readonly facts: SigningIn } {
    if (row?.id !== session.accountId || !maySignIn(row))
      throw new DomainError('credentials_rejected');
    if (session.provedHash !== undefined && row.passwordHash !== session.provedHash)
      throw new PasswordHasChanged();
    if (!row.forSignIn) throw unknownClient();
    const { roles, now } = row;
    const { accountId, clientId, sid } = session;
    return {
      subject: {
        sub: accountId,
        client: { id: clientId },
        scopes: scopesOf(roles),
        roles,
        session: { sid, authTime: now, expiresAt: now + this.#lifetimes(session).idleEndsIn },
      },
      facts: row,
      closing: this.#inserting(session, now),
    };
  }

  /** What the client may get of it. */
  begun(session: NewSession, row: SigningIn, { encoded, claims }: IssuedToken): BegunSession {
    const { sid, accountId, context, provedHash, secrets } = session;
    const { delivery, remember: remembered, deviceName } = context;
    return {
      session: { sid, accountId, delivery, remembered, deviceName },
      others: row.others,
      ...(provedHash !== undefined && { proved: { email: row.email, era: passwordEraOf(row) } }),
      refreshToken: secrets.refreshToken,
      opaqueCookie: secrets.opaqueCookie,
      accessToken: encoded,
      expiresIn: claims.exp - claims.iat,
      ...this.#lifetimes(session),
    };
  }

  #lifetimes({ context }: NewSession): Pick<SessionCredentials, 'endsIn' | 'idleEndsIn'> {
    const { ttlSeconds, idleSeconds } = sessionLifetime(this.config, context.remember);
    return { endsIn: ttlSeconds, idleEndsIn: Math.min(ttlSeconds, idleSeconds) };
  }

  /** @param now NumericDate seconds, fractional */
  #inserting({ sid, accountId, context, secrets }: NewSession, now: number): readonly Statement[] {
    const { clientId, delivery, remember, deviceName, userAgent, ip } = context;
    const row = {
      sid,
      accountId,
      clientId,
      delivery,
      remembered: remember,
      deviceName,
      userAgent,
      ip,
    };
    const lifetime = sessionLifetime(this.config, remember);
    const entry = {
      actor: accountActor(accountId),
      action: 'sign_in' as const,
      target: sid,
      accountId,
      personal: { ip, user_agent: userAgent, device_name: deviceName },
      details: { client_id: clientId, delivery, remember },
    };
    return [insertingSession(row, secrets, lifetime, now), recording(entry)];
  }
}
