import { Injectable } from '@nestjs/common';
import { Ids } from '../platform/ids.js';
import { MasterKeys } from '../sealing/master-keys.js';
import type { SealedColumn } from '../sealing/sealed-column.js';
import { seal, unseal } from '../sealing/sealed.js';
import { hashOfSecret } from './delivery/opaque-cookie.js';
import { makeRefreshToken } from './refresh/refresh-token.js';
import type { Session } from './session.js';

export const SEALED_ROW_SECRETS: SealedColumn = {
  table: 'sessions',
  key: { column: 'sid', type: 'uuid' },
  box: 'sealed_secret',
  masterKey: 'master_key_id',
  boundTo,
};

/** What a session's row keeps of its secrets. */
export interface StoredSecrets {
  /** The row secret, sealed for `session:<sid>`; `null` for sessions from before refresh tokens. */
  readonly sealedSecret: Buffer | null;
  readonly masterKeyId: string | null;
  /** SHA-256 of the secret in the opaque cookie. */
  readonly cookieHash: Buffer | null;
}

/** Fresh secrets of a session: what to store, and what to hand out. One of the two that are handed out is there. */
export interface FreshSecrets extends StoredSecrets {
  readonly sealedSecret: Buffer;
  readonly masterKeyId: string;
  readonly refreshToken: string | null;
  /** The value of the cookie of delivery `session`. */
  readonly opaqueCookie: string | null;
}

/** Makes and opens the secrets of sessions. */
@Injectable()
export class SessionSecrets {
  constructor(
    private readonly ids: Ids,
    private readonly masterKeys: MasterKeys,
  ) {}

  /** Secrets that nobody has seen, for one generation of a session. */
  make(sid: string, delivery: Session['delivery'], generation: number): FreshSecrets {
    const rowSecret = Buffer.from(this.ids.secret(), 'base64url');
    const { box, masterKeyId } = seal(this.masterKeys, rowSecret, boundTo(sid));
    const cookieSecret = delivery === 'session' ? this.ids.secret() : null;
    return {
      sealedSecret: box,
      masterKeyId,
      cookieHash: cookieSecret === null ? null : hashOfSecret(cookieSecret),
      refreshToken: cookieSecret === null ? makeRefreshToken(sid, generation, rowSecret) : null,
      opaqueCookie: cookieSecret === null ? null : `${sid}.${cookieSecret}`,
    };
  }

  /** The row secret; `undefined` when the session has none. @throws {UnsealFailed} */
  rowSecret(
    sid: string,
    { sealedSecret: box, masterKeyId }: Omit<StoredSecrets, 'cookieHash'>,
  ): Buffer | undefined {
    if (box === null || masterKeyId === null) return undefined;
    return unseal(this.masterKeys, { box, masterKeyId }, boundTo(sid));
  }
}

/** What the seal authenticates besides, so that a box cannot be moved to another row. */
function boundTo(sid: string): string {
  return `session:${sid}`;
}
