import { Injectable } from '@nestjs/common';
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import type { JWK } from 'jose';
import { Database } from '../platform/database.js';

/** Access tokens that are of no use any more, but for what they name. */
@Injectable()
export class PastTokens {
  constructor(private readonly database: Database) {}

  /**
   * The session of a token that this issuer has signed, whether it has expired, was cut off, or its key was retired long ago. For whoever
   * wants to end that session, and for nothing else.
   *
   * @param encoded from anybody
   * @returns `undefined` for a token without a session, and for one that was not signed here, or by a key that was revoked
   * @throws {DomainError} `database_unavailable`
   */
  async sessionOf(encoded: string): Promise<string | undefined> {
    const key = await this.#keyOf(encoded);
    if (!key) return undefined;
    try {
      const { payload } = await compactVerify(encoded, await importJWK(key, 'RS256'), {
        algorithms: ['RS256'],
      });
      const { sid } = JSON.parse(new TextDecoder().decode(payload)) as { readonly sid?: unknown };
      return typeof sid === 'string' ? sid : undefined;
    } catch {
      return undefined;
    }
  }

  async #keyOf(encoded: string): Promise<JWK | undefined> {
    const kid = unverifiedKid(encoded);
    if (kid === undefined) return undefined;
    const [row] = await this.database.run((manager) =>
      manager.query<{ publicJwk: JWK }[]>(
        `SELECT public_jwk AS "publicJwk" FROM signing_keys WHERE kid = $1 AND state <> 'revoked'`,
        [kid],
      ),
    );
    return row?.publicJwk;
  }
}

function unverifiedKid(encoded: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(encoded);
    return typeof kid === 'string' && !kid.includes('\0') ? kid : undefined;
  } catch {
    return undefined;
  }
}
