import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Client } from '../access-tokens/client.js';
import type { Account } from '../accounts/account.js';
import { accountActor, AuditLog } from '../audit/audit-log.js';
import { IdentityConfig } from '../config/identity-config.js';
import { Ids } from '../platform/ids.js';
import { sessionLifetime } from './session-lifetime.js';
import { insertSession } from './session-rows.js';
import type { InsertedSession } from './session-rows.js';
import { SessionSecrets } from './session-secrets.js';
import type { FreshSecrets } from './session-secrets.js';
import type { Session } from './session.js';

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
    private readonly audit: AuditLog,
  ) {}

  /** An id and secrets that nobody has seen. */
  identity(delivery: Session['delivery']): FreshIdentity {
    const sid = this.ids.uuid();
    return { sid, ...this.secrets.make(sid, delivery, 0) };
  }

  async insert(
    tx: EntityManager,
    account: Account,
    context: SignInContext,
    identity: FreshIdentity,
  ): Promise<InsertedSession> {
    const { client, delivery, remember, deviceName, userAgent, ip } = context;
    const row = {
      sid: identity.sid,
      accountId: account.id,
      clientId: client.id,
      delivery,
      remembered: remember,
      deviceName,
      userAgent,
      ip,
    };
    const lifetime = sessionLifetime(this.config, remember);
    const inserted = await insertSession(tx, row, identity, lifetime);
    await this.audit.record(tx, {
      actor: accountActor(account.id),
      action: 'sign_in',
      target: identity.sid,
      accountId: account.id,
      personal: { ip, user_agent: userAgent, device_name: deviceName },
      details: { client_id: client.id, delivery, remember },
    });
    return inserted;
  }
}
