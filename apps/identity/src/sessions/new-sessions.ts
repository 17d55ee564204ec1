import { Injectable } from '@nestjs/common';
import { accountActor, recording } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import type { Statement } from '../platform/database.js';
import { Ids } from '../platform/ids.js';
import { sessionLifetime } from './session-lifetime.js';
import { insertingSession } from './session-rows.js';
import { SessionSecrets } from './session-secrets.js';
import type { FreshSecrets } from './session-secrets.js';
import type { Session } from './session.js';

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

/** What a session will be known by. */
export interface FreshIdentity extends FreshSecrets {
  readonly sid: string;
}

/** Makes the rows of new sessions, each with its row in the audit log. */
@Injectable()
export class NewSessions {
  constructor(
    private readonly config: IdentityConfig,
    private readonly ids: Ids,
    private readonly secrets: SessionSecrets,
  ) {}

  /** An id and secrets that nobody has seen. */
  identity(delivery: Session['delivery']): FreshIdentity {
    const sid = this.ids.uuid();
    return { sid, ...this.secrets.make(sid, delivery, 0) };
  }

  /**
   * The statements that begin a session, whose times are all counted from one moment.
   *
   * @param now NumericDate seconds, fractional
   */
  inserting(
    accountId: string,
    context: SignInContext,
    identity: FreshIdentity,
    now: number,
  ): readonly Statement[] {
    const { clientId, delivery, remember, deviceName, userAgent, ip } = context;
    const { sid } = identity;
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
    return [insertingSession(row, identity, lifetime, now), recording(entry)];
  }
}
