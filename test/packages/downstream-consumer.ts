/**
 * A program of a downstream team, compiled and run under every module system: against an issuer of its own it verifies one token,
 * another that was revoked before, and says what came out. Prints one line of JSON, and must end by itself.
 */
export const CONSUMER = `
import { REVOCATION_KINDS } from '@countersign/revocation';
import type { RevocationKind } from '@countersign/revocation';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { createTokenVerifier, isTokenRejected, TokenRejected } from '@countersign/token-verifier';
import type { AccessToken, RejectionCode, TokenVerifierOptions } from '@countersign/token-verifier';

async function main(): Promise<void> {
  const issuer: TestIssuer = await startTestIssuer();
  issuer.revoke({ kind: 'sid', id: 'ended' });
  const options: TokenVerifierOptions = { environment: issuer.environment, audience: 'orders' };
  const verifier = createTokenVerifier(options);
  await verifier.ready({ timeoutMs: 10_000 });
  const token: AccessToken = await verifier.verify(await issuer.issue({ sub: 'anna' }));
  const revoked = await issuer.issue({ sid: 'ended' });
  const fault: unknown = await verifier.verify(revoked).catch((error: unknown) => error);
  const code: RejectionCode | undefined = isTokenRejected(fault) ? fault.code : undefined;
  const kinds: readonly RevocationKind[] = REVOCATION_KINDS;
  await verifier.close();
  await issuer.stop();
  const ours = fault instanceof TokenRejected;
  console.log(JSON.stringify({ subject: token.subject, code, ours, kinds: kinds.length }));
}

void main();
`;

/** Mistakes that the types must refuse: each line has one. */
export const MISTAKES = `
import { createTokenVerifier } from '@countersign/token-verifier';
import type { RejectionCode } from '@countersign/token-verifier';

// @ts-expect-error: a verifier without an audience would take every token of the issuer
createTokenVerifier({ issuer: 'https://id.example.test', revocation: 'none' });
// @ts-expect-error: "off" is not how revocation is given up
createTokenVerifier({ issuer: 'https://id.example.test', audience: 'orders', revocation: 'off' });
// @ts-expect-error: neither an issuer nor an environment that names it
createTokenVerifier({ audience: 'orders', revocation: 'none' });
// @ts-expect-error: a name that is no option
createTokenVerifier({ environment: process.env, audience: 'orders', clockTolerance: 5 });
// @ts-expect-error: the codes are a closed list
export const code: RejectionCode = 'rejected';
`;
