import { traced } from '@countersign/service-host';
import { systemClock, TokenVerifier } from '@countersign/token-verifier';
import type { Outcome } from '@countersign/token-verifier';
import type { IdentityConfig } from '../config/identity-config.js';
import type { CheckIns } from '../relying-services/check-ins.js';
import { IDENTITY_SERVICE } from '../relying-services/relying-services.js';
import type { RevocationFeed } from '../revocation/revocation-feed.js';
import type { KeyRing } from '../signing-keys/key-ring.js';
import { DatabaseClock } from './database-clock.js';
import { KeyRingSource } from './key-ring-source.js';
import { RevocationLogSource } from './revocation-log-source.js';
import { TOKEN_POLICY } from './token-policy.js';

/**
 * Identity as an instance of relying service `identity`: the verifier that everybody uses, in process, with keys from the
 * key ring, revocations from the log, and check-ins straight into the database.
 */
export function createOwnVerifier(
  config: IdentityConfig,
  parts: { readonly keyRing: KeyRing; readonly feed: RevocationFeed; readonly checkIns: CheckIns },
  onOutcome: (outcome: Outcome) => void,
): TokenVerifier {
  const clock = new DatabaseClock(systemClock);
  return new TokenVerifier({
    issuer: config.ISSUER_URL,
    audience: IDENTITY_SERVICE,
    keys: new KeyRingSource(parts.keyRing),
    revocation: {
      sources: [new RevocationLogSource(parts.feed, clock)],
      checkIn: { checkIn: (report) => parts.checkIns.checkIn(IDENTITY_SERVICE, report) },
    },
    clock,
    ...TOKEN_POLICY,
    staleness: config.STALENESS_LIMITS,
    onOutcome,
    trace: (work) => traced('verify token', work),
  });
}
