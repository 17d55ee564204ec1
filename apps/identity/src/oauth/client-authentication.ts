import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ClientSecrets } from '../access-tokens/client-secrets.js';
import { Database } from '../platform/database.js';
import { readBasicCredentials } from '../relying-services/client-credentials.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { OAuthError } from './oauth-error.js';

/** Who asks about a token: a client, or a relying service with its name in `aud` (`null` for an edge). */
export type Inquirer =
  { readonly clientId: string } | { readonly service: string; readonly audience: string | null };

/** A client that has proved who it is. */
export interface AuthenticatedClient {
  readonly id: string;
  /** The same proof once more, in a transaction that holds the client's lock. @throws {OAuthError} `invalid_client` */
  readonly again: (tx: EntityManager) => Promise<void>;
}

/** Finds out who calls an OAuth endpoint, by HTTP Basic (`client_secret_basic`, RFC 6749 §2.3.1). */
@Injectable()
export class ClientAuthentication {
  constructor(
    private readonly database: Database,
    private readonly secrets: ClientSecrets,
    private readonly services: RelyingServices,
  ) {}

  /** @throws {OAuthError} `invalid_client` */
  async client(authorization: string | undefined): Promise<AuthenticatedClient> {
    const given = readBasicCredentials(authorization);
    if (!given) throw rejected();
    const { clientId: id, clientSecret } = given;
    const prove = async (manager: EntityManager) => {
      if (!(await this.secrets.authenticate(manager, id, clientSecret))) throw rejected();
    };
    await this.database.run(prove);
    return { id, again: prove };
  }

  /** A relying service by its own credentials, else a client. @throws {OAuthError} `invalid_client` */
  async inquirer(authorization: string | undefined): Promise<Inquirer> {
    const given = readBasicCredentials(authorization);
    if (!given) throw rejected();
    const { clientId, clientSecret } = given;
    if (!(await this.services.authenticate(clientId, clientSecret))) {
      return { clientId: (await this.client(authorization)).id };
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
