import { Controller, Get, Header } from '@nestjs/common';
import { Public } from '@countersign/nest-auth';
import { z } from 'zod';
import { IdentityConfig } from '../config/identity-config.js';
import { Described } from '../openapi/described.js';

/** What every listener says of this issuer (RFC 8414 §2). */
function commonMetadata(issuer: string, base: string) {
  return {
    issuer,
    jwks_uri: `${base}/.well-known/jwks.json`,
    // Required by RFC 8414; no authorization endpoint is offered, so the list is empty.
    response_types_supported: [],
  };
}

const common = {
  issuer: z.url(),
  jwks_uri: z.url(),
  response_types_supported: z.array(z.string()).length(0),
  grant_types_supported: z.array(z.string()),
};
const publicMetadata = z.strictObject({
  ...common,
  token_endpoint: z.url(),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  revocation_endpoint: z.url(),
  revocation_endpoint_auth_methods_supported: z.array(z.string()),
});
const serviceMetadata = z.strictObject({
  ...common,
  introspection_endpoint: z.url(),
  introspection_endpoint_auth_methods_supported: z.array(z.string()),
  revocation_snapshot_endpoint: z.url(),
  revocation_feed_endpoint: z.url(),
  check_in_endpoint: z.url(),
});

/** The metadata for everybody. It names nothing of the service listener. */
@Controller('.well-known')
export class PublicMetadataController {
  constructor(private readonly config: IdentityConfig) {}

  @Public()
  @Get('oauth-authorization-server')
  @Header('cache-control', 'public, max-age=300')
  @Described({
    summary: 'What this issuer offers, and where (RFC 8414).',
    answers: { 200: publicMetadata },
  })
  metadata() {
    const base = this.config.ISSUER_URL;
    return {
      ...commonMetadata(base, base),
      token_endpoint: `${base}/oauth/token`,
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      grant_types_supported: ['client_credentials'],
      revocation_endpoint: `${base}/oauth/revoke`,
      revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
    };
  }
}

/** The metadata for relying services, on the service listener: where keys, revocations and check-in are. */
@Controller('.well-known')
export class ServiceMetadataController {
  constructor(private readonly config: IdentityConfig) {}

  @Public()
  @Get('oauth-authorization-server')
  @Header('cache-control', 'public, max-age=300')
  @Described({
    summary: 'Where relying services find keys, revocations and check-in (RFC 8414).',
    answers: { 200: serviceMetadata },
  })
  metadata() {
    const base = this.config.SERVICE_URL;
    return {
      ...commonMetadata(this.config.ISSUER_URL, base),
      // Those are offered under the issuer's own origin.
      grant_types_supported: [],
      introspection_endpoint: `${base}/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
      revocation_snapshot_endpoint: `${base}/revocations`,
      revocation_feed_endpoint: `${base}/revocations/feed`,
      check_in_endpoint: `${base}/relying-services/check-in`,
    };
  }
}
