import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One sign-in on one device. */
@Entity('sessions')
export class Session {
  @PrimaryColumn('uuid')
  sid: string;

  @Column('uuid', { name: 'account_id' })
  accountId: string;

  @Column('text', { name: 'client_id' })
  clientId: string;

  @Column('text')
  delivery: 'bearer' | 'cookie' | 'session';

  @Column('boolean')
  remembered: boolean;

  @Column('text', { name: 'device_name', nullable: true })
  deviceName: string | null;

  @Column('text', { name: 'user_agent', nullable: true })
  userAgent: string | null;

  @Column('inet', { nullable: true })
  ip: string | null;

  @Column('timestamptz', { name: 'auth_time' })
  authTime: Date;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'last_seen_at' })
  lastSeenAt: Date;

  @Column('timestamptz', { name: 'expires_at' })
  expiresAt: Date;

  /** Over at this moment unless it is used before; `null` for sessions from before there was such a limit. */
  @Column('timestamptz', { name: 'idle_expires_at', nullable: true })
  idleExpiresAt: Date | null;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;

  @Column('text', { name: 'end_reason', nullable: true })
  endReason: string | null;

  /** Where in the log of revocations the end was written. */
  @Column('integer', { name: 'ended_epoch', nullable: true })
  endedEpoch: number | null;

  @Column('bigint', { name: 'ended_seq', nullable: true })
  endedSeq: string | null;
}
