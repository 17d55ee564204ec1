import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Role } from './roles.js';

/** A person's account. `id` is the `sub` of their tokens. */
@Entity('accounts')
export class Account {
  @PrimaryColumn('uuid')
  id: string;

  /** Normalised by {@link normalizeEmail}. */
  @Column('text')
  email: string;

  @Column('timestamptz', { name: 'email_verified_at', nullable: true })
  emailVerifiedAt: Date | null;

  /** A PHC string (argon2id); `null` until the address has been verified. */
  @Column('text', { name: 'password_hash', nullable: true })
  passwordHash: string | null;

  /** Higher each time that somebody sets the password; not when it is only hashed anew. */
  @Column('integer', { name: 'password_version' })
  passwordVersion: number;

  @Column('text', { array: true })
  roles: Role[];

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;
}

/** Whether the account may sign in at all: its address is verified and nobody has disabled it. */
export function maySignIn(account: Account): boolean {
  return (
    account.emailVerifiedAt !== null && account.passwordHash !== null && account.disabledAt === null
  );
}
