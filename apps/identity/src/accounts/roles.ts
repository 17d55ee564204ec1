/** The roles that an account can hold, and the scopes that each gives. */
const SCOPES_BY_ROLE = {
  customer: ['orders:read', 'orders:write', 'payments:read', 'payments:write'],
  support: ['orders:read', 'payments:read'],
} as const;

export type Role = keyof typeof SCOPES_BY_ROLE;
export const ROLES = Object.keys(SCOPES_BY_ROLE) as readonly Role[];

/** The scopes of all given roles, each once, sorted. */
export function scopesOf(roles: readonly Role[]): readonly string[] {
  return [...new Set(roles.flatMap((role) => SCOPES_BY_ROLE[role]))].sort();
}
