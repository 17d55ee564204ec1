import { z } from 'zod';

/**
 * What an operator may do; a role gives what it names and nothing else. `read`: see everything that is not secret.
 * `end-sessions`: end sessions, revoke tokens, disable people. `keys`: signing keys and the secrets of relying services.
 */
export const OPERATOR_ROLES = ['read', 'end-sessions', 'keys'] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

export const operatorName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes');

/** Somebody who operates this identity. Their token is `<name>.<256 random bits>`; only its SHA-256 is kept. */
export interface Operator {
  readonly name: string;
  readonly roles: readonly OperatorRole[];
}

/** How an operator is named in the audit log. */
export function actorOf({ name }: Operator): string {
  return `operator:${name}`;
}
