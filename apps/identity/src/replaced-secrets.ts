import { endMessageTokens } from './credentials/email-tokens.js';
import type { ReplacedSecret } from './master-key/secret-replacement.js';
import { replaceProofKey } from './revocation/heartbeat-proof.js';
import { replaceRowSecrets } from './sessions/row-secret-replacement.js';

/**
 * What whoever had a master key and a copy of the database knows, and what becomes of it when the master key was stolen. Signing keys
 * are not here, since revoking them is a decision of its own; nor is the key of the audit log, which old rows are checked by.
 */
export const REPLACED_SECRETS: readonly ReplacedSecret[] = [
  { name: 'the key of heartbeat proofs, of limits and of known devices', replace: replaceProofKey },
  { name: 'secrets of sessions, which refresh tokens need', replace: replaceRowSecrets },
  { name: 'tokens in messages that were not used yet', replace: endMessageTokens },
];
