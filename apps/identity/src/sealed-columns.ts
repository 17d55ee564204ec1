import { SEALED_AUDIT_KEY } from './audit/audit-chain-key.js';
import { SEALED_MESSAGES } from './mail/outbox.js';
import { SEALED_PROOF_KEY } from './revocation/heartbeat-proof.js';
import type { SealedColumn } from './sealing/sealed-column.js';
import { SEALED_ROW_SECRETS } from './sessions/session-secrets.js';
import { SEALED_PRIVATE_KEYS } from './signing-keys/sealed-signing-key.js';

/** Everything in identity's database that is sealed under a master key. What is not listed here is lost with the old one. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  SEALED_PRIVATE_KEYS,
  SEALED_PROOF_KEY,
  SEALED_AUDIT_KEY,
  SEALED_ROW_SECRETS,
  SEALED_MESSAGES,
];
