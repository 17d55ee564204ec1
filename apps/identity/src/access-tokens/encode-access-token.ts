import { traced } from '@countersign/service-host';
import type { Signer } from '../signing-keys/signer.js';
import type { AccessTokenClaims } from './claims.js';

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs claims into an access token in compact form (RFC 9068: `typ` is `at+jwt`; RFC 7515 §3.1). */
export async function encodeAccessToken(
  signer: Signer,
  claims: AccessTokenClaims,
): Promise<string> {
  const header = { alg: 'RS256', typ: 'at+jwt', kid: signer.kid };
  const content = `${base64url(header)}.${base64url(claims)}`;
  const signature = await traced('sign', () => signer.sign(Buffer.from(content)), {
    'countersign.kid': signer.kid,
  });
  return `${content}.${Buffer.from(signature).toString('base64url')}`;
}
