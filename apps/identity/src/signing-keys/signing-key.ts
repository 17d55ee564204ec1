import type { JWK } from 'jose';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * `prepared`: published, not signing. `active`: signing. `retired`: published so that live tokens still verify.
 * `purged`: gone from the JWKS. `revoked`: withdrawn at once, with everything it signed.
 */
export type SigningKeyState = 'prepared' | 'active' | 'retired' | 'purged' | 'revoked';

/** An RSA key that signs, or signed, access tokens. `kid` is its RFC 7638 thumbprint. */
@Entity('signing_keys')
export class SigningKey {
  @PrimaryColumn('text')
  kid: string;

  @Column('text')
  state: SigningKeyState;

  @Column('jsonb', { name: 'public_jwk' })
  publicJwk: JWK;

  /** PKCS #8, sealed under {@link masterKeyId} and bound to this row. Gone once the key signs no more. */
  @Column('bytea', { name: 'sealed_private_key', nullable: true })
  sealedPrivateKey: Buffer | null;

  @Column('text', { name: 'master_key_id', nullable: true })
  masterKeyId: string | null;

  @Column('timestamptz', { name: 'prepared_at' })
  preparedAt: Date;

  @Column('timestamptz', { name: 'activated_at', nullable: true })
  activatedAt: Date | null;

  @Column('timestamptz', { name: 'retired_at', nullable: true })
  retiredAt: Date | null;

  /** When the last token that it may have signed is over. Known once it has retired. */
  @Column('timestamptz', { name: 'tokens_until', nullable: true })
  tokensUntil: Date | null;

  /** When it was purged or revoked. */
  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;
}

/** The keys that belong in the JWKS. */
export const PUBLISHED_STATES = [
  'prepared',
  'active',
  'retired',
] as const satisfies readonly SigningKeyState[];
