import type { Message } from '../mail/mailer.js';
import { nextStep } from './next-step.js';
import type { Links } from './next-step.js';

/** To somebody who wants an account: how to prove the address and choose a password. */
export function verificationMessage(to: string, links: Links, token: string): Message {
  return {
    to,
    subject: 'Confirm your e-mail address',
    text: [
      `Somebody, we hope you, asked for an account at ${links.ISSUER_URL} with this address.`,
      '',
      ...nextStep(links, 'verify-email', token),
      '',
      'It works once. If it was not you, do nothing: no account can be used without it.',
    ].join('\n'),
  };
}

/** To somebody who has an account and for whom another was asked. */
export function alreadyRegisteredMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'You have an account already',
    text: [
      `Somebody asked for an account at ${issuer} with this address. You have one already: sign in with it,`,
      'or ask for a new password if you have forgotten yours.',
      '',
      'If it was not you, do nothing. Nothing has changed, and they were not told.',
    ].join('\n'),
  };
}
