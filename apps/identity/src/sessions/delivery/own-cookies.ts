import { Injectable } from '@nestjs/common';
import { cookiePolicy, isSameOrigin } from '@countersign/token-verifier';
import type { CookiePolicy } from '@countersign/token-verifier';
import { IdentityConfig } from '../../config/identity-config.js';
import { ACCESS, OPAQUE, REFRESH } from './cookies.js';

/** Who may use our cookies: pages of the public origin and of the trusted ones. */
@Injectable()
export class OwnCookies {
  /** The cookies that say who somebody is. */
  readonly credentials: CookiePolicy;
  /** The cookie that the refresh route takes. */
  readonly refresh: CookiePolicy;

  constructor({ ISSUER_URL, TRUSTED_ORIGINS }: IdentityConfig) {
    const origins = [ISSUER_URL, ...TRUSTED_ORIGINS];
    this.credentials = cookiePolicy({ names: [ACCESS.name, OPAQUE.name], origins });
    this.refresh = cookiePolicy({ names: [REFRESH.name], origins });
  }

  /** Whether a request shows that it comes from such a page. */
  isFromHere(rawHeaders: readonly string[]): boolean {
    return isSameOrigin(rawHeaders, this.credentials.origins);
  }
}
