import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FirstSchema1763726400000 implements MigrationInterface {
  name = 'FirstSchema1763726400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE clients (
        id text PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('public', 'confidential')),
        sign_in boolean NOT NULL,
        audiences text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      INSERT INTO clients (id, kind, sign_in, audiences)
      VALUES ('first-party', 'public', true, '{identity,orders,payments}');

      CREATE TABLE accounts (
        id uuid PRIMARY KEY,
        email text NOT NULL UNIQUE,
        email_verified_at timestamptz,
        password_hash text,
        roles text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        disabled_at timestamptz
      );

      CREATE TABLE email_tokens (
        id uuid PRIMARY KEY,
        account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
        purpose text NOT NULL CHECK (purpose IN ('verify_email', 'none')),
        token_hash bytea NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX email_tokens_of_account ON email_tokens (account_id);

      CREATE TABLE sessions (
        sid uuid PRIMARY KEY,
        account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
        client_id text NOT NULL REFERENCES clients,
        delivery text NOT NULL CHECK (delivery IN ('bearer', 'cookie', 'session')),
        remembered boolean NOT NULL,
        device_name text,
        user_agent text,
        ip inet,
        auth_time timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        end_reason text,
        ended_epoch integer,
        ended_seq bigint
      );
      CREATE INDEX sessions_of_account ON sessions (account_id);

      CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        state text NOT NULL CHECK (state IN ('prepared', 'active', 'retired', 'purged', 'revoked')),
        public_jwk jsonb NOT NULL,
        sealed_private_key bytea NOT NULL,
        master_key_id text NOT NULL,
        prepared_at timestamptz NOT NULL,
        activated_at timestamptz,
        retired_at timestamptz
      );
      CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active';

      CREATE TABLE revocation_head (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        epoch integer NOT NULL,
        seq bigint NOT NULL,
        longest_lifetime_seconds integer NOT NULL,
        sealed_proof_key bytea,
        master_key_id text
      );
      INSERT INTO revocation_head (epoch, seq, longest_lifetime_seconds) VALUES (1, 0, 0);

      CREATE TABLE revocations (
        epoch integer NOT NULL,
        seq bigint NOT NULL,
        kind text NOT NULL CHECK (kind IN ('jti', 'sid', 'sub', 'client', 'kid', 'all')),
        id text NOT NULL,
        cutoff bigint,
        expires_at bigint,
        at bigint NOT NULL,
        PRIMARY KEY (epoch, seq),
        CHECK ((cutoff IS NOT NULL) = (kind IN ('sub', 'client', 'all'))),
        CHECK ((expires_at IS NULL) = (kind = 'kid'))
      );
      CREATE INDEX revocations_cutoffs ON revocations (kind, id) WHERE cutoff IS NOT NULL;

      CREATE TABLE relying_services (
        id text PRIMARY KEY,
        audience text,
        declared_at timestamptz NOT NULL DEFAULT now(),
        withdrawn_at timestamptz
      );

      CREATE TABLE relying_service_instances (
        service_id text NOT NULL REFERENCES relying_services,
        instance_id uuid NOT NULL,
        kids text[] NOT NULL,
        epoch integer,
        seq bigint,
        proof text,
        joined_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL,
        left_at timestamptz,
        PRIMARY KEY (service_id, instance_id)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE relying_service_instances, relying_services, revocations, revocation_head, signing_keys,
        sessions, email_tokens, accounts, clients
    `);
  }
}
