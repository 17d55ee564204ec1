import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { MailModule } from '../mail/mail.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { EmailTokens } from './email-tokens.js';
import { PasswordHasher } from './password-hasher.js';
import { Registration } from './registration.js';
import { SignIn } from './sign-in.js';

@Module({
  imports: [AccountsModule, AuditModule, SessionsModule, MailModule],
  providers: [EmailTokens, PasswordHasher, Registration, SignIn],
  exports: [PasswordHasher, Registration, SignIn],
})
export class CredentialsModule {}
