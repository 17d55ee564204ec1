import { createTokenVerifier, isTokenRejected } from '@countersign/token-verifier';

/** A service that checks JWTs the usual way: signature and claims, no revocation. It runs inside this demonstration. */
export interface PlainJwtService {
  /** @returns `let in`, or why not */
  read(token: string | undefined): Promise<string>;
  close(): Promise<void>;
}

/** Sets it up with the public keys of the running system, like any verifier. */
export async function startPlainJwtService(issuer: string): Promise<PlainJwtService> {
  const verifier = createTokenVerifier({ issuer, audience: 'orders', revocation: 'none' });
  await verifier.ready();
  return {
    async read(token) {
      if (token === undefined) return 'turned away';
      try {
        await verifier.verify(token);
        return 'let in';
      } catch (error) {
        if (isTokenRejected(error)) return `turned away (${error.code})`;
        throw error;
      }
    },
    close: () => verifier.close(),
  };
}
