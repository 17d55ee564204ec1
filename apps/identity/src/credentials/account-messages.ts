import type { Message } from '../mail/mailer.js';
import type { Links } from './next-step.js';

/** To the owner of an account that is gone. */
export function accountDeletedMessage(to: string, { ISSUER_URL: issuer }: Links): Message {
  return {
    to,
    subject: 'Your account was deleted',
    text: [
      `Your account at ${issuer} was deleted, with what was kept about it there. It cannot be brought back.`,
      'This address can be used for another account.',
    ].join('\n'),
  };
}
