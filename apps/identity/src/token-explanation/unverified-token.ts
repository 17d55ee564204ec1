import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { TokenNames } from '../revocation/revocation-history.js';
import { parseRefreshToken } from '../sessions/refresh/refresh-token.js';

type Members = Readonly<Record<string, unknown>>;

/** What kind of secret a text looks like. */
export type TokenForm = 'jwt' | 'refresh_token' | 'operator_token' | 'unknown';

/** What a text says of itself. Nothing of it has been verified. */
export interface UnverifiedToken {
  readonly form: TokenForm;
  readonly header: Members | null;
  readonly claims: Members | null;
  /** The names in it that can be looked up; left out where they are missing or could not be ours. */
  readonly names: TokenNames;
  /** The first audience, which a verifier of it could want. */
  readonly audience: string | undefined;
  readonly issuer: string | undefined;
}

const OPERATOR_TOKEN = /^[a-z][a-z0-9-]{0,62}\.[\w-]{43}$/;

/** Reads what can be read, of whatever it is. Never throws. */
export function readUnverifiedToken(text: string): UnverifiedToken {
  const refreshToken = parseRefreshToken(text);
  if (refreshToken) return { ...NOTHING, form: 'refresh_token', names: { sid: refreshToken.sid } };
  const header = attempt(() => decodeProtectedHeader(text));
  const claims = attempt(() => decodeJwt(text));
  if (!header && !claims) {
    return { ...NOTHING, form: OPERATOR_TOKEN.test(text) ? 'operator_token' : 'unknown' };
  }
  const iat = claims?.['iat'];
  const aud: unknown = claims?.['aud'];
  return {
    form: 'jwt',
    header,
    claims,
    names: {
      jti: nameIn(claims, 'jti'),
      sid: nameIn(claims, 'sid'),
      kid: nameIn(header, 'kid'),
      sub: nameIn(claims, 'sub'),
      client: nameIn(claims, 'client_id'),
      iat: typeof iat === 'number' && Number.isFinite(iat) ? iat : undefined,
    },
    audience: nameIn({ aud: Array.isArray(aud) ? (aud as unknown[])[0] : aud }, 'aud'),
    issuer: nameIn(claims, 'iss'),
  };
}

const NOTHING = { header: null, claims: null, names: {}, audience: undefined, issuer: undefined };

function attempt(decode: () => object): Members | null {
  try {
    return decode() as Members;
  } catch {
    return null;
  }
}

/** Text that the database could hold, and that a verifier would take. */
function nameIn(members: Members | null, name: string): string | undefined {
  const value = members?.[name];
  const isName =
    typeof value === 'string' && value !== '' && value.length <= 256 && !value.includes('\u0000');
  return isName ? value : undefined;
}
