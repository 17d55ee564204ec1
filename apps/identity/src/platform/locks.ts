import type { EntityManager } from 'typeorm';

/** What can be locked, in the one order in which locks are taken. The revocation head comes after all of them. */
const RESOURCES = ['client', 'key_ring', 'account', 'session'] as const;

export interface Lock {
  readonly resource: (typeof RESOURCES)[number];
  readonly id: string;
  /** `shared` by who mints tokens, `exclusive` by who ends something. */
  readonly mode: 'shared' | 'exclusive';
}

/** The lock that every mint shares, and that whoever changes the keys or ends everything takes alone. */
export const KEY_RING_LOCK = { resource: 'key_ring', id: 'keys' } as const;

/**
 * Takes transaction-scoped advisory locks, always in the same order, so that no two transactions wait for each other.
 * Advisory, not row locks: those of many readers would starve an exclusive waiter.
 */
export async function takeLocks(tx: EntityManager, locks: readonly Lock[]): Promise<void> {
  const rank = ({ resource }: Lock) => RESOURCES.indexOf(resource);
  const ordered = [...locks].sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  for (const { resource, id, mode } of ordered) {
    const take = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock';
    await tx.query(`SELECT ${take}(hashtextextended($1, 0))`, [`${resource}:${id}`]);
  }
}
