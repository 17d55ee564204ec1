import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { MailModule } from '../mail/mail.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { AccountDeletion } from './account-deletion.js';
import { AccountExport } from './account-export.js';
import { BreachedPasswords } from './breached-passwords.js';
import { CredentialsPurge } from './credentials-purge.js';
import { EmailChange } from './email-change.js';
import { EmailTokens } from './email-tokens.js';
import { OwnerCheck } from './owner-check.js';
import { PasswordChange } from './password-change.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordPolicy } from './password-policy.js';
import { PasswordReset } from './password-reset.js';
import { Registration } from './registration.js';
import { SignIn } from './sign-in.js';

const PUBLIC = [
  AccountDeletion,
  AccountExport,
  BreachedPasswords,
  CredentialsPurge,
  EmailChange,
  EmailTokens,
  OwnerCheck,
  PasswordChange,
  PasswordHasher,
  PasswordReset,
  Registration,
  SignIn,
];

@Module({
  imports: [AccountsModule, AuditModule, SessionsModule, MailModule, RevocationModule],
  providers: [...PUBLIC, PasswordPolicy],
  exports: PUBLIC,
})
export class CredentialsModule {}
