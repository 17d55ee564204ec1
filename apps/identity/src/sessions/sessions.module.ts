import { Module } from '@nestjs/common';
import { AccessTokensModule } from '../access-tokens/access-tokens.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { RefreshAdmission } from './admission/refresh-admission.js';
import { RefreshRush } from './admission/refresh-rush.js';
import { CredentialRenewal } from './credential-renewal.js';
import { OwnCookies } from './delivery/own-cookies.js';
import { NewSessions } from './new-sessions.js';
import { OwnSessions } from './own-sessions.js';
import { RefreshIncidents } from './refresh/refresh-incidents.js';
import { Refreshes } from './refresh/refreshes.js';
import { SessionLimit } from './session-limit.js';
import { SessionList } from './session-list.js';
import { SessionLookup } from './session-lookup.js';
import { SessionSecrets } from './session-secrets.js';
import { SessionTokens } from './session-tokens.js';
import { Sessions } from './sessions.js';

@Module({
  imports: [AccountsModule, AccessTokensModule, RevocationModule, AuditModule],
  providers: [
    CredentialRenewal,
    NewSessions,
    OwnCookies,
    OwnSessions,
    RefreshAdmission,
    RefreshIncidents,
    RefreshRush,
    Refreshes,
    SessionLimit,
    SessionList,
    SessionLookup,
    SessionSecrets,
    SessionTokens,
    Sessions,
  ],
  exports: [
    CredentialRenewal,
    OwnCookies,
    OwnSessions,
    RefreshAdmission,
    Refreshes,
    SessionLimit,
    SessionList,
    SessionLookup,
    Sessions,
    SessionTokens,
  ],
})
export class SessionsModule {}
