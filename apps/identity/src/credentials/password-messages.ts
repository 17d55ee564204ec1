import type { Message } from '../mail/mailer.js';
import { nextStep } from './next-step.js';
import type { Links } from './next-step.js';

/** To the owner of an account who has forgotten the password. */
export function resetMessage(to: string, links: Links, token: string, minutes: number): Message {
  return {
    to,
    subject: 'Choose a new password',
    text: [
      `Somebody, we hope you, has forgotten the password of your account at ${links.ISSUER_URL}.`,
      '',
      ...nextStep(links, 'reset-password', token),
      '',
      `It works once, for ${String(minutes)} minutes, and signs you out everywhere.`,
      'If it was not you, do nothing: your password stays as it is.',
    ].join('\n'),
  };
}

/** To an address that has no account, or one that was disabled: nothing can be done with it. */
export function noResetMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'There is no password to choose',
    text: [
      `Somebody, perhaps you, asked for a new password at ${issuer} with this address.`,
      'No account that can be used belongs to it. Perhaps yours has another address.',
      '',
      'If it was not you, do nothing. They were not told.',
    ].join('\n'),
  };
}

/** To the owner, when the password is another one. */
export function passwordChangedMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'Your password was changed',
    text: [
      `The password of your account at ${issuer} was changed, and other devices were signed out.`,
      '',
      'If it was not you, ask for a new password with this address now: that signs everybody out.',
    ].join('\n'),
  };
}
