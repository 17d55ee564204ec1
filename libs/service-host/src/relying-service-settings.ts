import { z } from 'zod';
import { origin, secretFile } from './environment.js';

/** Settings of every process that verifies tokens over HTTP, besides `hostSettings`. */
export const relyingServiceSettings = {
  /** The `iss` of the tokens: the public origin of the gateway. */
  ISSUER_URL: origin,
  /** The metadata document of identity's service listener. */
  DISCOVERY_URL: z.url({ protocol: /^https?$/ }),
  CLIENT_ID: z.string(),
  /** Names a file; becomes the secret in it. */
  CLIENT_SECRET_FILE: secretFile,
  /** Allows plain http to other machines: only inside a network that is trusted as it is. */
  ALLOW_INSECURE_HTTP: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true'),
};

/**
 * For `z.object(…).refine(...safeDiscovery)`: the client secret goes to `DISCOVERY_URL`'s origin, so it must be https, on
 * loopback, or allowed. The verifier refuses the rest anyway; here it is told together with all other faults.
 */
export const safeDiscovery = [
  ({ DISCOVERY_URL: url, ALLOW_INSECURE_HTTP: allowed }: Readonly<Record<string, unknown>>) => {
    if (allowed === true || typeof url !== 'string' || !URL.canParse(url)) return true;
    const { protocol, hostname } = new URL(url);
    return protocol === 'https:' || /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(hostname);
  },
  {
    path: ['DISCOVERY_URL'],
    message: 'must be https, or http on loopback, unless ALLOW_INSECURE_HTTP=true',
    when: () => true,
  },
] satisfies Parameters<z.ZodObject['refine']>;
