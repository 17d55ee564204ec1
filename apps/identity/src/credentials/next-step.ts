import type { IdentityConfig } from '../config/identity-config.js';

/** What the owner of an address does with the token of a message. */
const STEPS = {
  'verify-email': {
    intro: 'To confirm it, choose a password',
    path: '/auth/email/verify',
    body: '{"token": "...", "password": "..."}',
  },
  'reset-password': {
    intro: 'To choose a new password',
    path: '/auth/password-reset/confirm',
    body: '{"token": "...", "password": "..."}',
  },
  'change-email': {
    intro: 'To confirm it, signed in to that account',
    path: '/auth/email/change/confirm',
    body: '{"token": "..."}',
  },
  'restore-email': {
    intro: 'To take it back and choose another password',
    path: '/auth/email/restore',
    body: '{"token": "...", "password": "..."}',
  },
} as const;

export type Step = keyof typeof STEPS;
export type Links = Pick<IdentityConfig, 'ISSUER_URL' | 'ACCOUNT_PAGE_URL'>;

/**
 * The lines that say how to go on. Addresses come from the configuration, never from a request. On a page the token is the
 * fragment: no server and no other site learns it, and nothing is spent by looking.
 */
export function nextStep(links: Links, step: Step, token: string): readonly string[] {
  const { ISSUER_URL: issuer, ACCOUNT_PAGE_URL: page } = links;
  const { intro, path, body } = STEPS[step];
  if (page !== undefined) return [`${intro}, open:`, '', `  ${page}#${step}=${token}`];
  return [
    `${intro}; send this token:`,
    '',
    `  ${token}`,
    '',
    `  POST ${issuer}${path}`,
    `  ${body}`,
  ];
}
