import { z } from 'zod';
import { origin, secretFile, stalenessLimits } from './environment.js';

/** Settings of every process that verifies tokens over HTTP, besides `hostSettings`. */
export const relyingServiceSettings = {
  ISSUER_URL: origin.describe('The `iss` of the tokens: the public origin of the gateway.'),
  DISCOVERY_URL: z
    .url({ protocol: /^https?$/ })
    .describe("The metadata document of identity's service listener."),
  CLIENT_ID: z.string().describe('The id of the relying service.'),
  CLIENT_SECRET_FILE: secretFile.describe('A file with its secret.'),
  STALENESS_LIMITS: stalenessLimits.describe(
    '`soft/hard`: how old the newest proof may be that no revocation is missing. Past the first it is an alarm, past the second no token is accepted.',
  ),
  ALLOW_INSECURE_HTTP: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .describe(
      'Allows plain http to other machines: only inside a network that is trusted as it is.',
    ),
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
