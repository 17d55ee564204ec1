import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { createTokenVerifier } from './create-token-verifier.js';
import type { TokenVerifierOptions } from './token-verifier-options.js';
import { isTokenRejected, isVerifierUnavailable } from './errors.js';
import type { TokenVerifier } from './token-verifier.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function testIssuer(options: { issuer?: string } = {}): Promise<TestIssuer> {
  const issuer = await startTestIssuer(options);
  closing.push(() => issuer.stop());
  return issuer;
}

function verifierOf(issuer: TestIssuer, more: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  const { discoveryUrl, credentials } = issuer;
  const verifier = createTokenVerifier({
    issuer: issuer.issuer,
    audience: 'orders',
    discoveryUrl,
    credentials,
    ...more,
  });
  closing.push(() => verifier.close());
  return verifier;
}

async function outcome(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (isTokenRejected(error) || isVerifierUnavailable(error)) return error.code;
    throw error;
  }
}

/** `fetch` that counts how often the key set is asked for. */
function countKeyFetches() {
  const counter = {
    count: 0,
    fetch: (url: string, init: RequestInit) => {
      if (url.endsWith('jwks.json')) counter.count += 1;
      return fetch(url, init);
    },
  };
  return counter;
}

async function until(condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const limit = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error('it did not happen in time');
    await delay(10);
  }
}

it('becomes ready, accepts, and refuses a session once it is revoked', async () => {
  const issuer = await testIssuer();
  const verifier = verifierOf(issuer);
  await verifier.ready();
  const token = await issuer.issue({ sid: 'a-session' });
  expect(await outcome(verifier, token)).toBe('accepted');
  issuer.revoke({ kind: 'sid', id: 'a-session' });
  await until(async () => (await outcome(verifier, token)) === 'revoked');
});

it('hears of revocations that are older than itself before it is ready', async () => {
  const issuer = await testIssuer();
  for (let n = 0; n < 120; n += 1) issuer.revoke({ kind: 'jti', id: `old-${String(n)}` });
  const verifier = verifierOf(issuer);
  await verifier.ready();
  expect(await outcome(verifier, await issuer.issue({ jti: 'old-17' }))).toBe('revoked');
});

it('reports what it holds, at once after a revocation, and says goodbye', async () => {
  const issuer = await testIssuer();
  const verifier = verifierOf(issuer);
  await verifier.ready();
  const began = performance.now();
  for (const id of ['a', 'b', 'c', 'd']) {
    const { seq } = issuer.revoke({ kind: 'sid', id });
    await until(() =>
      issuer.checkIns.some((report) => report.applied?.seq === seq && report.kids.length === 1),
    );
  }
  // Who reports only every five seconds needs more than fifteen.
  expect(performance.now() - began).toBeLessThan(12_000);
  await verifier.close();
  expect(issuer.checkIns.at(-1)).toMatchObject({ goodbye: true, instance_id: verifier.instanceId });
});

it('goes on with its keys when the issuer is away, and catches up afterwards', async () => {
  const issuer = await testIssuer();
  const verifier = verifierOf(issuer);
  await verifier.ready();
  const token = await issuer.issue({ sid: 'later' });
  await issuer.stopServing();
  issuer.revoke({ kind: 'sid', id: 'later' });
  expect(await outcome(verifier, token)).toBe('accepted');
  await issuer.resume();
  await until(async () => (await outcome(verifier, token)) === 'revoked');
});

it('says when identity does not know its credentials', async () => {
  const issuer = await testIssuer();
  const credentials = { clientId: 'a-relying-service', clientSecret: 'another' };
  const verifier = verifierOf(issuer, { credentials });
  await until(() => verifier.state().missing.join().includes('401'));
  await expect(verifier.ready({ timeoutMs: 100 })).rejects.toThrow(
    `${issuer.issuer}/revocations: answered 401, the credentials are not right`,
  );
});

it('starts while the issuer is away, says what is missing, and becomes ready by itself', async () => {
  const issuer = await testIssuer();
  await issuer.stopServing();
  const verifier = verifierOf(issuer);
  const token = await issuer.issue();
  await until(() => verifier.state().missing.join().includes('ECONNREFUSED'));
  expect(verifier.state()).toMatchObject({ ready: false });
  await expect(verifier.ready({ timeoutMs: 300 })).rejects.toThrow(
    `not ready: keys: ${issuer.discoveryUrl}: ECONNREFUSED`,
  );
  expect(await outcome(verifier, token)).toBe('keys_unreachable');
  await issuer.resume();
  await verifier.ready();
  expect(await outcome(verifier, token)).toBe('accepted');
});

it('accepts a token under a key that it has not seen, at the price of one fetch', async () => {
  const issuer = await testIssuer();
  const keyFetches = countKeyFetches();
  const verifier = verifierOf(issuer, { fetch: keyFetches.fetch });
  await verifier.ready();
  expect(keyFetches.count).toBe(1);
  await issuer.rotate();
  const token = await issuer.issue();
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => outcome(verifier, token)));
  expect(new Set(outcomes)).toEqual(new Set(['accepted']));
  expect(keyFetches.count).toBe(2);
});

it('without revocation it needs no credentials, and does not know of logouts', async () => {
  const issuer = await testIssuer();
  const { discoveryUrl } = issuer;
  const verifier = createTokenVerifier({
    issuer: issuer.issuer,
    audience: 'orders',
    discoveryUrl,
    revocation: 'none',
  });
  closing.push(() => verifier.close());
  await verifier.ready();
  const token = await issuer.issue({ sid: 's' });
  issuer.revoke({ kind: 'sid', id: 's' });
  await delay(100);
  expect(await outcome(verifier, token)).toBe('accepted');
});

describe('a verifier that has run for a while', () => {
  // On Node 20 a fetch no longer hears its abort signal after a garbage collection.
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  it('stops at once', async () => {
    const issuer = await testIssuer();
    const verifier = verifierOf(issuer);
    await verifier.ready();
    for (let n = 0; n < 5; n += 1) {
      collectGarbage();
      await delay(20);
    }
    const start = performance.now();
    await verifier.close();
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  it.each([
    ['has fallen silent', () => new Response(new ReadableStream())],
    ['something else keeps open', () => new Response(comments())],
  ])('notices a feed that %s, and makes a new connection', async (_name, answer) => {
    const issuer = await testIssuer();
    let feeds = 0;
    const muted = async (url: string, init: RequestInit) => {
      if (!url.endsWith('/feed')) return fetch(url, init);
      feeds += 1;
      return feeds > 1 ? fetch(url, init) : answer();
    };
    const verifier = verifierOf(issuer, { fetch: muted });
    await delay(200);
    for (let n = 0; n < 5; n += 1) collectGarbage();
    await verifier.ready({ timeoutMs: 15_000 });
    expect(feeds).toBe(2);
  });
});

/** What a proxy sends on a connection that it wants to keep. */
function comments(): ReadableStream<Uint8Array> {
  const source = async function* () {
    for (;;) {
      await delay(500);
      yield Buffer.from(': still here\n\n');
    }
  };
  return ReadableStream.from(source());
}

it('closes while its issuer hangs, and tells who waits for it', async () => {
  const base = await serve(() => undefined);
  const verifier = createTokenVerifier({
    issuer: base,
    audience: 'orders',
    discoveryUrl: `${base}/metadata`,
    credentials: { clientId: 'a', clientSecret: 'b' },
  });
  const ready = verifier.ready();
  await delay(100);
  const start = performance.now();
  await verifier.close();
  expect(performance.now() - start).toBeLessThan(4_000);
  expect(await ready).toBe(false);
});

describe('credentials go nowhere else', () => {
  it('nor into a log of the verifier', async () => {
    const verifier = createTokenVerifier({
      issuer: 'http://127.0.0.1:9',
      audience: 'orders',
      discoveryUrl: 'http://127.0.0.1:9/x',
      credentials: { clientId: 'orders', clientSecret: 'of the orders' },
    });
    await verifier.close();
    const told =
      inspect(verifier, { depth: Infinity, showHidden: true }) + JSON.stringify(verifier);
    expect(told).not.toMatch(/Basic|of the orders/);
  });

  it('there are no revocations where they are given up in writing', () => {
    const without = createTokenVerifier({
      issuer: 'https://id.example.test',
      audience: 'orders',
      revocation: 'none',
      fetch: () => Promise.reject(new Error('nobody is there')),
    });
    closing.push(() => without.close());
    expect(without.state().revocation).toBe('none');
  });

  it.each<[string, (base: string) => object]>([
    [
      'of another issuer',
      (base) => ({ issuer: 'https://other.example.test', jwks_uri: `${base}/jwks` }),
    ],
    [
      'with an endpoint elsewhere',
      (base) => ({
        issuer: 'https://id.example.test',
        jwks_uri: `${base}/jwks`,
        check_in_endpoint: 'http://127.0.0.1:1/x',
      }),
    ],
  ])('metadata %s is not followed', async (_name, metadata) => {
    const asked: string[] = [];
    const base = await serve((request, response) => {
      asked.push(`${request.url ?? ''} ${request.headers.authorization ?? 'anonymous'}`);
      response.end(JSON.stringify(metadata(base)));
    });
    const verifier = createTokenVerifier({
      issuer: 'https://id.example.test',
      audience: 'orders',
      discoveryUrl: `${base}/metadata`,
      credentials: { clientId: 'a', clientSecret: 'b' },
    });
    closing.push(() => verifier.close());
    await until(() => asked.length >= 2);
    expect(verifier.state().ready).toBe(false);
    expect(new Set(asked)).toEqual(new Set(['/metadata anonymous']));
  });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
