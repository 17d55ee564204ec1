import { createHash, createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createTokenVerifier } from '../src/create-token-verifier.js';
import { isTokenRejected, isVerifierUnavailable } from '../src/errors.js';
import type { TokenVerifier } from '../src/token-verifier.js';
import type { TokenVerifierOptions } from '../src/token-verifier-options.js';

const closing: (() => Promise<unknown>)[] = [];

/** Notes what is to be closed after the test. */
export function closeLater(close: () => Promise<unknown>): void {
  closing.push(close);
}

/** Closes what was opened in a test, the last first. For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

/** A key of an issuer, under its thumbprint or under a mere name. */
export function makeKey(name?: string) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e, n } = publicKey.export({ format: 'jwk' });
  const content = JSON.stringify({ e, kty: 'RSA', n });
  const kid = name ?? createHash('sha256').update(content).digest('base64url');
  return { kid, jwk: { kty: 'RSA', e, n, kid, alg: 'RS256', use: 'sig' }, privateKey };
}
export type Key = ReturnType<typeof makeKey>;
export const [first, second, third] = [makeKey(), makeKey(), makeKey()];
export const setOf = (...keys: Key[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

/** What a server says. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An issuer that is nothing but metadata and a key set, over real HTTP. `answer` is what it says when asked for keys. */
export async function startKeyServer(...published: Key[]) {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    if (request.url === '/metadata') {
      response.end(JSON.stringify({ issuer: at.issuer, jwks_uri: `${at.issuer}/jwks` }));
      return;
    }
    at.asked.push(request.headers);
    at.answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeLater(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  const at = {
    issuer: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked: [] as IncomingMessage['headers'][],
    answer: publish(...published),
    bytesSent: () => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    token: (key: Key, header: object = {}, claims: object = {}) =>
      sign(key, at.issuer, header, claims),
  };
  return at;
}
export type KeyServer = Awaited<ReturnType<typeof startKeyServer>>;

/** Answers with these keys from now on. */
export function publish(...keys: Key[]): Answer {
  return (_request, response) => void response.end(setOf(...keys));
}

function sign(key: Key, issuer: string, header: object, more: object): string {
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ iss: issuer, sub: 'u', aud: ['orders'], client_id: 'c', jti: randomUUID() },
    ...{ iat, exp: iat + 300, ...more },
  };
  const head = { alg: 'RS256', typ: 'at+jwt', kid: key.kid, ...header };
  const input = [head, claims].map((part) => encode(JSON.stringify(part))).join('.');
  return `${input}.${createSign('sha256').update(input).sign(key.privateKey, 'base64url')}`;
}
const encode = (text: string) => Buffer.from(text).toString('base64url');

/** Tokens that look good, each under another `kid` that nobody has published. */
export function junk(server: KeyServer, count: number): string[] {
  const [, payload, signature] = server.token(first).split('.');
  return Array.from({ length: count }, () => {
    const header = encode(JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: randomUUID() }));
    return `${header}.${payload!}.${signature!}`;
  });
}

/** A verifier that is ready, and has no revocations. */
export async function verifierOf(server: KeyServer, more: Partial<TokenVerifierOptions> = {}) {
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: 'orders',
    discoveryUrl: `${server.issuer}/metadata`,
    revocation: 'none',
    ...more,
  });
  closeLater(() => verifier.close());
  await verifier.ready();
  return verifier;
}

/** The code that a token is refused with. */
export async function outcome(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (isTokenRejected(error) || isVerifierUnavailable(error)) return error.code;
    throw error;
  }
}

/** The system's clocks, of which the monotonic one can be moved on. */
export function movableClock() {
  const clock = {
    offset: 0,
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now() + clock.offset,
  };
  return clock;
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  ms = 30_000,
): Promise<void> {
  const limit = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(10);
  }
}

/** How long something takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
