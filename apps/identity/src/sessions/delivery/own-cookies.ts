import { Injectable } from '@nestjs/common';
import { cookiePolicy, cookieValues, isSameOrigin } from '@countersign/token-verifier';
import type { CookiePolicy } from '@countersign/token-verifier';
import { IdentityConfig } from '../../config/identity-config.js';
import { ACCESS, COOKIES, OPAQUE, REFRESH } from './cookies.js';

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

  /** Whether a request holds two cookies of one of our names: nobody knows which of them is ours. */
  areAmbiguous(rawHeaders: readonly string[]): boolean {
    return COOKIES.some(({ name }) => cookieValues(rawHeaders, name).length > 1);
  }

  /** Whether a request shows that it comes from such a page. */
  isFromHere(rawHeaders: readonly string[]): boolean {
    return isSameOrigin(rawHeaders, this.credentials.origins);
  }
}
