import { Injectable } from '@nestjs/common';
import { ClientSecrets } from '../access-tokens/client-secrets.js';
import { Database } from '../platform/database.js';
import { readBasicCredentials } from '../relying-services/client-credentials.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { OAuthError } from './oauth-error.js';

/** Who asks about a token: a client, or a relying service with its name in `aud` (`null` for an edge). */
export type Inquirer =
  { readonly clientId: string } | { readonly service: string; readonly audience: string | null };

/** Finds out who calls an OAuth endpoint, by HTTP Basic (`client_secret_basic`, RFC 6749 §2.3.1). */
@Injectable()
export class ClientAuthentication {
  constructor(
    private readonly database: Database,
    private readonly secrets: ClientSecrets,
    private readonly services: RelyingServices,
  ) {}

  /** @returns the client's id @throws {OAuthError} `invalid_client` */
  async client(authorization: string | undefined): Promise<string> {
    const given = readBasicCredentials(authorization);
    if (given && (await this.secrets.authenticate(given.clientId, given.clientSecret))) {
      return given.clientId;
    }
    throw rejected();
  }

  /** A relying service by its own credentials, else a client. @throws {OAuthError} `invalid_client` */
  async inquirer(authorization: string | undefined): Promise<Inquirer> {
    const given = readBasicCredentials(authorization);
    if (!given) throw rejected();
    const { clientId, clientSecret } = given;
    if (!(await this.services.authenticate(clientId, clientSecret))) {
      return { clientId: await this.client(authorization) };
    }
    const [service] = await this.database.run((manager) =>
      manager.query<{ audience: string | null }[]>(
        `SELECT audience FROM relying_services WHERE id = $1 AND withdrawn_at IS NULL`,
        [clientId],
      ),
    );
    return { service: clientId, audience: service?.audience ?? null };
  }
}

function rejected(): OAuthError {
  return new OAuthError('invalid_client', 'the client credentials are missing or wrong');
}
