import type { ProvedPassword } from '../accounts/accounts.js';
import type { Session } from './session.js';

/** What somebody carries a session on with. */
export interface CarriedSecrets {
  readonly session: Pick<Session, 'sid' | 'delivery' | 'remembered' | 'deviceName'>;
  /** `null` for delivery `session`. */
  readonly refreshToken: string | null;
  /** The value of the opaque cookie; only for delivery `session`. */
  readonly opaqueCookie: string | null;
  /** Seconds until the session is over when it is not used. */
  readonly idleEndsIn: number;
  /** Seconds until it is over in any case. */
  readonly endsIn: number;
}

/** Everything that a client may get of a session; which of it, and how, is decided by the delivery. */
export interface SessionCredentials extends CarriedSecrets {
  readonly accessToken: string;
  /** The password that was proved for them, if one was. */
  readonly proved?: ProvedPassword;
  /** Seconds that the access token lives. */
  readonly expiresIn: number;
}
