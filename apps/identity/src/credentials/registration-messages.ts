import type { Message } from '../mail/mailer.js';

/** To somebody who wants an account: how to prove the address and choose a password. */
export function verificationMessage(to: string, issuer: string, token: string): Message {
  return {
    to,
    subject: 'Confirm your e-mail address',
    text: [
      `Somebody, we hope you, asked for an account at ${issuer} with this address.`,
      '',
      'To confirm it, choose a password and send it together with this token:',
      '',
      `  ${token}`,
      '',
      `  POST ${issuer}/auth/email/verify`,
      '  {"token": "...", "password": "..."}',
      '',
      'The token works once. If it was not you, do nothing: no account can be used without it.',
    ].join('\n'),
  };
}

/** To somebody who has an account and for whom another was asked. */
export function alreadyRegisteredMessage(to: string, issuer: string): Message {
  return {
    to,
    subject: 'You have an account already',
    text: [
      `Somebody asked for an account at ${issuer} with this address. You have one already: sign in with it.`,
      '',
      'If it was not you, do nothing. Nothing has changed, and they were not told.',
    ].join('\n'),
  };
}
