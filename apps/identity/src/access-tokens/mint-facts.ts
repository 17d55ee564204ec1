import { latestCutoff } from '../revocation/revocation-log.js';
import { ACTIVE_KID } from '../signing-keys/key-ring.js';

/** What a token's claims are fixed by besides its subject: read after the locks are held. */
export interface MintFacts {
  readonly kid: string | null;
  /** NumericDate seconds; a text where the database's `bigint` comes as such. */
  readonly cutoff: number | string | null;
  /** Whole seconds of database time. */
  readonly iat: number;
  /** Those of the client; `null` when there is none, or it is disabled. */
  readonly audiences: string[] | null;
  /** Whether the server that answered is a standby, which may lag behind and whose locks keep nobody out. */
  readonly standby: boolean;
}

/** The columns of a `SELECT` that reads {@link MintFacts}; takes SQL for the subject and the client, as texts. */
export const mintFactColumns = (sub: string, clientId: string): string =>
  `${ACTIVE_KID} AS kid, ${latestCutoff(sub, clientId)} AS cutoff,
   (SELECT audiences FROM clients WHERE id = ${clientId} AND disabled_at IS NULL) AS audiences,
   floor(extract(epoch FROM clock_timestamp()))::integer AS iat, pg_is_in_recovery() AS standby`;
