import type { Message } from '../mail/mailer.js';
import { nextStep } from './next-step.js';
import type { Links } from './next-step.js';

/** To the address that an account is to have. Names the account: whoever knows nothing of it must see that it is not theirs. */
export function confirmChangeMessage(
  to: string,
  accountEmail: string,
  links: Links,
  token: string,
): Message {
  return {
    to,
    subject: 'Confirm your new e-mail address',
    text: [
      `The account of ${accountEmail} at ${links.ISSUER_URL} is to have this address from now on.`,
      'If that is not your account, do nothing: this is not about an account of yours, and makes none.',
      '',
      ...nextStep(links, 'change-email', token),
      '',
      'It works once, and only for who is signed in to that account.',
    ].join('\n'),
  };
}

/** To an address that an account is to have, when another account has it already. */
export function addressTakenMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'You have an account already',
    text: [
      `Somebody, perhaps you, wanted to give an account at ${issuer} this address.`,
      'Another account has it, so nothing has changed. They were not told.',
    ].join('\n'),
  };
}

/** To the address that the account has, when it is to have another. */
export function changeRequestedMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'Your e-mail address is to be changed',
    text: [
      `Somebody who knows the password of your account at ${issuer} wants it to have another address.`,
      'That happens when they confirm it with a message to that address.',
      '',
      'If it was not you, ask for a new password with this address now. That stops it, and signs everybody out.',
    ].join('\n'),
  };
}

/** To the address that the account had: what has happened, and how to take it back. */
export function addressChangedMessage(
  to: string,
  links: Links,
  token: string,
  days: number,
): Message {
  return {
    to,
    subject: 'Your e-mail address was changed',
    text: [
      `Your account at ${links.ISSUER_URL} has another address now: sign in with that one.`,
      '',
      'If it was not you, somebody knows your password and has your account now.',
      ...nextStep(links, 'restore-email', token),
      '',
      `It works once, for ${String(days)} days, and signs everybody out.`,
    ].join('\n'),
  };
}

/** To both addresses, when the account has got the earlier one back. */
export function addressRestoredMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'A change of e-mail address was taken back',
    text: [
      `An account at ${issuer} has its earlier address again, and another password. Everybody was signed out.`,
      'Somebody asked for it with a message to that earlier address.',
    ].join('\n'),
  };
}
