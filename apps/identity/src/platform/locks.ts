import pg from 'pg';
import type { EntityManager } from 'typeorm';

/** What can be locked, in the one order in which locks are taken. The revocation head comes after all of them. */
const RESOURCES = ['client', 'key_ring', 'account', 'session'] as const;

export interface Lock {
  readonly resource: (typeof RESOURCES)[number];
  readonly id: string;
  /** `shared` by who mints tokens, `exclusive` by who ends something. */
  readonly mode: 'shared' | 'exclusive';
}

/** A lock on what a row names: `idExpression` is SQL for its id, as text. */
export interface NamedLock extends Omit<Lock, 'id'> {
  readonly idExpression: string;
}

/** The lock that every mint shares, and that whoever changes the keys or ends everything takes alone. */
export const KEY_RING_LOCK = { resource: 'key_ring', id: 'keys' } as const;

/**
 * Takes transaction-scoped advisory locks, always in the same order, so that no two transactions wait for each other.
 * Advisory, not row locks: those of many readers would starve an exclusive waiter.
 */
export async function takeLocks(tx: EntityManager, locks: readonly Lock[]): Promise<void> {
  if (locks.length > 0) await tx.query(lockingStatement(locks));
}

/** The one statement that takes `locks`. */
export function lockingStatement(locks: readonly Lock[]): string {
  return `SELECT ${lockColumns(
    locks.map(({ resource, id, mode }) => ({
      resource,
      mode,
      idExpression: pg.escapeLiteral(id),
    })),
  )}`;
}

/**
 * The columns of a `SELECT` that takes these locks for the one row that it finds. Postgres evaluates the columns of a row from left
 * to right. What the same statement reads may be older than the locks: only ids that never change may name them.
 */
export function lockColumns(locks: readonly NamedLock[]): string {
  const rank = ({ resource }: NamedLock) => RESOURCES.indexOf(resource);
  return [...locks]
    .sort((a, b) => rank(a) - rank(b) || (a.idExpression < b.idExpression ? -1 : 1))
    .map((lock) => calling('pg_advisory_xact_lock', lock))
    .join(', ');
}

/** SQL that takes a lock if it is free for it, and says whether it was. Never waits: order does not matter. */
export const tryingLock = (lock: NamedLock): string => calling('pg_try_advisory_xact_lock', lock);

function calling(taking: string, { resource, idExpression, mode }: NamedLock): string {
  const name = mode === 'shared' ? `${taking}_shared` : taking;
  return `${name}(hashtextextended('${resource}:' || ${idExpression}, 0))`;
}
