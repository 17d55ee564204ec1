import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RevocationEventJson } from '@countersign/revocation';
import { createIssuerServer } from './issuer-server.js';
import type { TestCheckIn } from './issuer-server.js';
import { goodClaims, TestKeys } from './test-keys.js';
import { TestRevocations } from './test-revocations.js';
import type { TestRevocation } from './test-revocations.js';

/** A running issuer for tests. It stands in for identity's service listener; there are no users and no sessions. */
export interface TestIssuer {
  /** The `iss` of its tokens. */
  readonly issuer: string;
  readonly discoveryUrl: string;
  /** The one client that may read revocations and check in. */
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
  /** The same for the environment of a service; the file holds the secret too, and is gone after {@link stop}. */
  readonly environment: {
    readonly ISSUER_URL: string;
    readonly DISCOVERY_URL: string;
    readonly CLIENT_ID: string;
    readonly CLIENT_SECRET: string;
    readonly CLIENT_SECRET_FILE: string;
  };
  /** All check-ins so far, oldest first. */
  readonly checkIns: readonly TestCheckIn[];
  /**
   * Issues an access token that is good for five minutes for the audiences `identity`, `orders` and `payments`, unless
   * overridden. A claim or header member overridden with `undefined` is left out.
   */
  issue(
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /**
   * Revokes, and sends the event to every open feed at once. A key leaves the JWKS too.
   *
   * @throws {RevocationFormatError} for what no verifier would take
   */
  revoke(revocation: TestRevocation): RevocationEventJson;
  /**
   * Revokes, and waits until a verifier has reported that it refuses what is revoked.
   *
   * @throws {Error} when none has within `timeoutMs` milliseconds, five seconds unless told
   */
  revokeWithReceipt(
    revocation: TestRevocation,
    options?: { readonly timeoutMs?: number },
  ): Promise<RevocationEventJson>;
  /** Signs with a new key from now on; the old ones stay published. @returns the new `kid` */
  rotate(): Promise<string>;
  /** Goes away: drops every connection and listens no more. State is kept. */
  stopServing(): Promise<void>;
  /** Comes back after {@link stopServing}, at the same address. */
  resume(): Promise<void>;
  /** Ends feeds with a goodbye, and stops for good. */
  stop(): Promise<void>;
}

/**
 * Starts an issuer on a free loopback port: metadata (RFC 8414), JWKS, revocation snapshot and feed, check-in.
 *
 * @param options.issuer the `iss` to use when it is not the server's own origin
 */
export async function startTestIssuer(
  options: { readonly issuer?: string } = {},
): Promise<TestIssuer> {
  const unknown = Object.keys(options).find((name) => name !== 'issuer');
  if (unknown !== undefined) throw new TypeError(`startTestIssuer knows no "${unknown}"`);
  const keys = new TestKeys();
  await keys.rotate();
  const revocations = new TestRevocations();
  const checkIns: TestCheckIn[] = [];
  const feeds = new Set<() => void>();
  const credentials = {
    clientId: 'a-relying-service',
    clientSecret: randomBytes(32).toString('base64url'),
  };
  let port = 0;
  const origin = () => `http://127.0.0.1:${String(port)}`;
  const issuer = () => options.issuer ?? origin();
  const server = createIssuerServer({
    issuer,
    origin,
    keys,
    revocations,
    credentials,
    checkIns,
    feeds,
  });
  const revoke = (revocation: TestRevocation) => {
    const event = revocations.add(revocation);
    if (event.kind === 'kid') keys.withdraw(event.id);
    return event;
  };
  const stopServing = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  port = await listenSomewhere(server);
  const folder = await mkdtemp(join(tmpdir(), 'countersign-test-issuer-'));
  const secretFile = join(folder, 'secret');
  await writeFile(secretFile, credentials.clientSecret, { mode: 0o600 });
  const discoveryUrl = `${origin()}/.well-known/oauth-authorization-server`;
  return {
    issuer: issuer(),
    discoveryUrl,
    credentials,
    environment: {
      ISSUER_URL: issuer(),
      DISCOVERY_URL: discoveryUrl,
      CLIENT_ID: credentials.clientId,
      CLIENT_SECRET: credentials.clientSecret,
      CLIENT_SECRET_FILE: secretFile,
    },
    checkIns,
    issue: (claims = {}, header = {}) =>
      Promise.resolve(keys.sign({ ...goodClaims(issuer()), ...claims }, header)),
    revoke,
    revokeWithReceipt: async (revocation, { timeoutMs = 5_000 } = {}) => {
      const event = revoke({ ...revocation, receiptWanted: true });
      await receiptOf(event, checkIns, timeoutMs);
      return event;
    },
    rotate: () => keys.rotate(),
    stopServing,
    resume: () => listen(server, port),
    stop: async () => {
      for (const end of [...feeds]) end();
      await stopServing();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Below those that systems give to whoever connects somewhere, so that nobody has taken its port when an issuer comes back. */
const PORTS = { first: 31_700, count: 1_000 } as const;

/** @returns the port */
async function listenSomewhere(server: Server): Promise<number> {
  const start = randomInt(PORTS.count);
  for (let n = 0; n < PORTS.count; n += 1) {
    const port = PORTS.first + ((start + n) % PORTS.count);
    try {
      await listen(server, port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  await listen(server, 0);
  return (server.address() as AddressInfo).port;
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

async function receiptOf(
  { seq }: RevocationEventJson,
  checkIns: readonly TestCheckIn[],
  timeoutMs: number,
): Promise<void> {
  const limit = performance.now() + timeoutMs;
  while (!checkIns.some(({ applied }) => applied && applied.seq >= seq)) {
    if (performance.now() > limit) {
      throw new Error('no verifier has reported the revocation: does the service use this issuer?');
    }
    await delay(5);
  }
}
