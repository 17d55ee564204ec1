import { hash } from '@node-rs/argon2';
import { decodeJwt } from 'jose';
import type { AccessTokenClaims } from '../src/access-tokens/claims.js';
import { encodeAccessToken } from '../src/access-tokens/encode-access-token.js';
import { Accounts } from '../src/accounts/accounts.js';
import { ACCESS, OPAQUE, REFRESH } from '../src/sessions/delivery/cookies.js';
import { KeyRing } from '../src/signing-keys/key-ring.js';
import { ask, Browser } from './browser.js';
import { startReplica, stopReplicas } from './identity-under-test.js';
import type { Replica } from './identity-under-test.js';
import { startServing } from './serving-identity.js';
import type { ServingIdentity } from './serving-identity.js';

export const ISSUER = 'http://localhost:8080';
export const TRUSTED = 'https://app.example.test';
const PASSWORD = 'a long enough password';
export const ann = { email: 'ann@example.test', password: PASSWORD };

let replica: Replica;
let identity: ServingIdentity;
let accountId: string;
let passwordHash: string;

/** Starts an identity that serves people by all deliveries. One for each file of tests. */
export async function startDeliveries(): Promise<void> {
  replica = await startReplica();
  passwordHash = await hash(PASSWORD, { memoryCost: 19_456, timeCost: 2 });
  accountId = await replica.get(Accounts).addVerified(ann.email, passwordHash, ['customer']);
  identity = await startServing(replica.databaseUrl, { TRUSTED_ORIGINS: TRUSTED });
}
export async function stopDeliveries(): Promise<void> {
  await identity.stop();
  await stopReplicas();
}

/** Another replica on the same database, without listeners. */
export const besides = (): Replica => replica;
/** Where it serves the public. */
export const publicUrl = (): string => identity.public;
/** The account of {@link ann}. */
export const annId = (): string => accountId;

export const sql = <T>(text: string, values: unknown[] = []) =>
  replica.database.run((manager) => manager.query<T[]>(text, values));
/** Somebody else, with the password of {@link ann}. */
export const addPerson = (email: string) =>
  replica.get(Accounts).addVerified(email, passwordHash, ['customer']);
export const browser = () => new Browser(publicUrl(), ISSUER);
export const post = (path: string, body: unknown, headers: readonly string[] = []) =>
  ask(publicUrl(), 'POST', path, {
    headers: ['content-type', 'application/json', ...headers],
    body: JSON.stringify(body),
  });
export const bearer = (token: unknown) => ['authorization', `Bearer ${String(token)}`];
export const sidOf = (body: Record<string, unknown>) => (body['session'] as { sid: string }).sid;
export const logIn = async (who = ann, more: Record<string, unknown> = {}) =>
  (await post('/auth/login', { ...who, ...more })).body;
export async function signIn(delivery: 'cookie' | 'session', more: Record<string, unknown> = {}) {
  const inBrowser = browser();
  const { status, body } = await inBrowser.fetch('POST', '/auth/login', {
    ...ann,
    delivery,
    ...more,
  });
  expect(status).toBe(200);
  return { browser: inBrowser, sid: sidOf(body), body };
}

/** Puts the access token of a browser's cookie an hour back, signed as it was. */
export async function letExpire(inBrowser: Browser): Promise<void> {
  const cookie = inBrowser.cookies.get(ACCESS.name)!;
  const claims = decodeJwt<AccessTokenClaims>(cookie.value);
  const past = { ...claims, iat: claims.iat - 3600, exp: claims.exp - 3600 };
  const value = await replica.database.transaction(async (tx) =>
    encodeAccessToken(await replica.get(KeyRing).activeSigner(tx), past),
  );
  inBrowser.cookies.set(ACCESS.name, { ...cookie, value });
}

/** Credentials of each kind, as headers. */
export interface Kinds {
  readonly header: readonly string[];
  readonly access: readonly string[];
  readonly refresh: readonly string[];
  readonly opaque: readonly string[];
}
export async function someOfEach(): Promise<Kinds> {
  const [{ access_token: token }, inCookie, inSession] = await Promise.all([
    logIn(),
    signIn('cookie'),
    signIn('session'),
  ]);
  const cookie = ({ browser: inBrowser }: typeof inCookie, { name }: { name: string }) => [
    'cookie',
    `${name}=${inBrowser.cookies.get(name)!.value}`,
  ];
  return {
    header: bearer(token),
    access: cookie(inCookie, ACCESS),
    // A refresh cookie counts only with the access cookie of its session.
    refresh: ['cookie', `${cookie(inCookie, REFRESH)[1]!}; ${cookie(inCookie, ACCESS)[1]!}`],
    opaque: cookie(inSession, OPAQUE),
  };
}
