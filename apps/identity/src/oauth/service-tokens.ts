import { Injectable } from '@nestjs/common';
import { AccessTokens } from '../access-tokens/access-tokens.js';
import type { IssuedToken } from '../access-tokens/access-tokens.js';
import { Client } from '../access-tokens/client.js';
import { grantedScopes } from '../access-tokens/client-rules.js';
import type { AuthenticatedClient } from './client-authentication.js';
import { OAuthError } from './oauth-error.js';

/** Issues tokens to services that act for themselves: `sub` is the client, and there is no session. */
@Injectable()
export class ServiceTokens {
  constructor(private readonly accessTokens: AccessTokens) {}

  /**
   * The client proves itself once more under its lock: a secret that was dropped, or a client that was disabled, before this
   * token was asked for or while it was made, gives none.
   *
   * @param scope as asked for (RFC 6749 §3.3); all that the client has when left out
   * @throws {OAuthError} `invalid_client`, `invalid_scope`
   */
  issue(client: AuthenticatedClient, scope: string | undefined): Promise<IssuedToken> {
    return this.accessTokens.issue([{ resource: 'client', id: client.id }], async (tx) => {
      await client.again(tx);
      const { scopes: has } = await tx.findOneByOrFail(Client, { id: client.id });
      const scopes = grantedScopes(has, scope);
      if (!scopes) {
        throw new OAuthError('invalid_scope', 'the client does not have all of these scopes');
      }
      return { sub: client.id, client: { id: client.id }, scopes };
    });
  }
}
