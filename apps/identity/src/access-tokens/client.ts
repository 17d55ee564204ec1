import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An OAuth client: what a token is issued to, and the audiences it may reach. */
@Entity('clients')
export class Client {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  kind: 'public' | 'confidential';

  /** Whether people may sign in through it. */
  @Column('boolean', { name: 'sign_in' })
  signIn: boolean;

  @Column('text', { array: true })
  audiences: string[];

  /** What it may ask for in tokens of its own. Those of people come from their roles. */
  @Column('text', { array: true })
  scopes: string[];

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt: Date | null;
}

/** SQL for whether a client, given as SQL for its id, is one that people sign in through. */
export const isForSignIn = (id: string): string =>
  `EXISTS (SELECT FROM clients WHERE id = ${id} AND kind = 'public' AND sign_in AND disabled_at IS NULL)`;

/** The client of a login that names none. */
export const DEFAULT_CLIENT_ID = 'first-party';
