import { createServer } from 'node:http';
import { startTestIssuer } from '@countersign/test-kit';
import type { AddressInfo } from 'node:net';
import { closeAll, closeLater, movableClock, outcome, until } from '../../test/key-server.js';
import { createTokenVerifier } from '../create-token-verifier.js';

afterEach(closeAll);

describe('when the key set cannot be fetched', () => {
  it('tokens are verified past the soft age while heartbeats arrive, and past the hard age nobody is told that a token is bad', async () => {
    const issuer = await startTestIssuer();
    closeLater(() => issuer.stop());
    const clock = movableClock();
    let away = false;
    const keyServer = createServer((_request, response) => {
      if (away) response.destroy();
      else
        void fetch(`${issuer.issuer}/.well-known/jwks.json`).then(async (answer) =>
          response.end(await answer.text()),
        );
    });
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
    closeLater(() => new Promise((resolve) => keyServer.close(resolve).closeAllConnections()));
    const keysAt = `http://127.0.0.1:${String((keyServer.address() as AddressInfo).port)}/`;
    const outcomes: string[] = [];
    const verifier = createTokenVerifier({
      environment: issuer.environment,
      audience: 'orders',
      clock,
      keyAges: { refreshSeconds: 1, softSeconds: 900, hardSeconds: 12 * 3_600 },
      fetch: (url, init) => fetch(url.endsWith('/jwks.json') ? keysAt : url, init),
      onKeyFetch: (result, reason) =>
        outcomes.push(reason === undefined ? result : `${result}: ${reason}`),
    });
    closeLater(() => verifier.close());
    await verifier.ready();
    const seen = await issuer.issue();
    expect(await outcome(verifier, seen)).toBe('accepted');
    away = true;
    const heartbeat = () =>
      until(() => {
        const { revocation } = verifier.state();
        return revocation !== 'none' && revocation.freshness === 'fresh';
      });

    clock.offset += 16 * 60_000;
    await heartbeat();
    expect(await outcome(verifier, seen)).toBe('accepted');
    expect(await outcome(verifier, await issuer.issue())).toBe('accepted');
    expect(verifier.state().keys.freshness).toBe('late');
    expect(await outcome(verifier, await issuer.issue({}, { kid: 'invented' }))).toBe(
      'keys_unreachable',
    );
    expect(outcomes.at(-1)).toContain(`failed: ${issuer.issuer}/.well-known/jwks.json: `);

    clock.offset += 12 * 3_600_000;
    await heartbeat();
    for (const token of [seen, await issuer.issue(), await issuer.issue({}, { kid: 'invented' })])
      expect(await outcome(verifier, token)).toBe('keys_unreachable');
    expect(verifier.state().keys.freshness).toBe('stale');
    expect(verifier.state().ready).toBe(false);

    away = false;
    await until(async () => (await outcome(verifier, seen)) === 'accepted', 20_000);
    expect(verifier.state().keys.freshness).toBe('fresh');
  });

  it('a machine that has slept past the hard age asks for the keys before it believes them', async () => {
    const issuer = await startTestIssuer();
    closeLater(() => issuer.stop());
    // While it sleeps the monotonic clock stands still.
    let sleptMs = 0;
    let away = false;
    let fetches = 0;
    const verifier = createTokenVerifier({
      issuer: issuer.issuer,
      discoveryUrl: issuer.discoveryUrl,
      audience: 'orders',
      revocation: 'none',
      allowInsecureHttp: true,
      clock: { wallMs: () => Date.now() + sleptMs, monotonicMs: () => performance.now() },
      keyAges: { refreshSeconds: 300, softSeconds: 900, hardSeconds: 12 * 3_600 },
      fetch: (url, init) => {
        if (url.endsWith('/jwks.json')) fetches += 1;
        return away ? Promise.reject(new Error('away')) : fetch(url, init);
      },
    });
    closeLater(() => verifier.close());
    await verifier.ready();
    const laterToken = () => {
      const second = Math.floor((Date.now() + sleptMs) / 1000);
      return issuer.issue({ iat: second, nbf: second, exp: second + 60 });
    };
    away = true;
    sleptMs = 13 * 3_600_000;
    const token = await laterToken();
    const began = performance.now();
    for (let n = 0; n < 20; n += 1) {
      expect(await outcome(verifier, token)).toBe('keys_unreachable');
    }
    expect(fetches).toBeLessThanOrEqual(3 + (performance.now() - began) / 1_000);
    away = false;
    await until(async () => (await outcome(verifier, token)) === 'accepted', 20_000);
  });
});
