import { z } from 'zod';
import { origin, secretFile, stalenessLimits } from './environment.js';

/** Settings of every process that verifies tokens over HTTP, besides `hostSettings`. */
export const relyingServiceSettings = {
  /** The `iss` of the tokens: the public origin of the gateway. */
  ISSUER_URL: origin,
  /** The metadata document of identity's service listener. */
  DISCOVERY_URL: z.url({ protocol: /^https?$/ }),
  CLIENT_ID: z.string(),
  /** Names a file; becomes the secret in it. */
  CLIENT_SECRET_FILE: secretFile,
  STALENESS_LIMITS: stalenessLimits,
  /** Allows plain http to other machines: only inside a network that is trusted as it is. */
  ALLOW_INSECURE_HTTP: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true'),
};

/**
 * For `z.object(…).refine(...safeDiscovery(isSafeUrl))`: the client secret goes to `DISCOVERY_URL`'s origin. The verifier
 * refuses what is not safe anyway; here it is told together with all other faults.
 *
 * @param isSafeUrl the token verifier's own rule, handed in because nothing here knows the verifier
 */
export function safeDiscovery(isSafeUrl: (url: string, allowInsecureHttp: boolean) => boolean) {
  return [
    ({ DISCOVERY_URL: url, ALLOW_INSECURE_HTTP: allowed }: Readonly<Record<string, unknown>>) =>
      // What is no URL at all has been told already.
      typeof url !== 'string' || !URL.canParse(url) || isSafeUrl(url, allowed === true),
    {
      path: ['DISCOVERY_URL'],
      message: 'must be https, or http on loopback, unless ALLOW_INSECURE_HTTP=true',
      when: () => true,
    },
  ] satisfies Parameters<z.ZodObject['refine']>;
}
