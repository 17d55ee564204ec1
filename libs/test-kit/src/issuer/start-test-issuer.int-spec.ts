import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createTokenVerifier } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { startTestIssuer } from './start-test-issuer.js';
import type { TestIssuer } from './start-test-issuer.js';

test('its port is none that a system gives to whoever connects somewhere: it is there when the issuer comes back', async () => {
  const issuer = await startTestIssuer();
  expect(Number(new URL(issuer.issuer).port)).toBeLessThan(32_768);
  await issuer.stopServing();
  await issuer.resume();
  expect((await fetch(issuer.discoveryUrl)).status).toBe(200);
  await issuer.stop();
});

describe('a verifier works against the test issuer', () => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;

  beforeEach(async () => {
    issuer = await startTestIssuer();
    verifier = createTokenVerifier({
      issuer: issuer.issuer,
      audience: 'orders',
      discoveryUrl: issuer.discoveryUrl,
      credentials: issuer.credentials,
    });
    await verifier.ready();
  });

  afterEach(async () => {
    await verifier.close();
    await issuer.stop();
  });

  test('its tokens are accepted, and what is overridden counts', async () => {
    await expect(verifier.verify(await issuer.issue({ sub: 'someone' }))).resolves.toMatchObject({
      subject: 'someone',
      scopes: ['orders:read', 'orders:write', 'payments:read', 'payments:write'],
    });
    await expect(verifier.verify(await issuer.issue({ aud: ['else'] }))).rejects.toMatchObject({
      code: 'wrong_audience',
    });
    await expect(verifier.verify(await issuer.issue({}, { typ: 'JWT' }))).rejects.toMatchObject({
      code: 'unexpected_type',
    });
    await expect(verifier.verify(await issuer.issue({ jti: undefined }))).rejects.toMatchObject({
      code: 'malformed',
    });
  });

  test('a revocation arrives over the feed', async () => {
    const token = await issuer.issue({ sid: 'ended' });
    await verifier.verify(token);
    const { seq } = issuer.revoke({ kind: 'sid', id: 'ended' });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'revoked' });
  });

  test('a snapshot of several pages is applied before a new verifier is ready', async () => {
    for (let n = 1; n <= 120; n += 1) issuer.revoke({ kind: 'jti', id: `token-${String(n)}` });
    const second = createTokenVerifier({
      issuer: issuer.issuer,
      audience: 'orders',
      discoveryUrl: issuer.discoveryUrl,
      credentials: issuer.credentials,
    });
    await second.ready();
    for (const jti of ['token-1', 'token-51', 'token-120']) {
      await expect(second.verify(await issuer.issue({ jti }))).rejects.toMatchObject({
        code: 'revoked',
      });
    }
    await second.close();
  });

  test('it comes back where it was, with its revocations', async () => {
    await issuer.stopServing();
    await expect(fetch(issuer.discoveryUrl)).rejects.toThrow();
    const { seq } = issuer.revoke({ kind: 'jti', id: 'while-away' });
    await issuer.resume();
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    await expect(verifier.verify(await issuer.issue({ jti: 'while-away' }))).rejects.toMatchObject({
      code: 'revoked',
    });
  });

  test('a revocation may wait for its receipt, and nothing that is revoked is accepted after it', async () => {
    for (const sid of ['one', 'two', 'three']) {
      const token = await issuer.issue({ sid });
      await verifier.verify(token);
      await issuer.revokeWithReceipt({ kind: 'sid', id: sid });
      await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'revoked' });
    }
  });

  test('a receipt that nobody gives is not waited for without end', async () => {
    await verifier.close();
    const receipt = issuer.revokeWithReceipt({ kind: 'jti', id: 'x' }, { timeoutMs: 100 });
    await expect(receipt).rejects.toThrow('no verifier has reported the revocation');
  });

  test('what no verifier would take cannot be revoked', () => {
    expect(() => issuer.revoke({ kind: 'session' as never, id: 'x' })).toThrow('kind');
    expect(() => issuer.revoke({ kind: 'sid', id: '' })).toThrow('id');
  });

  test('wrong credentials are refused', async () => {
    const { status } = await fetch(new URL('/revocations', issuer.discoveryUrl), {
      headers: { authorization: 'Basic YTpi' },
    });
    expect(status).toBe(401);
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('the lines of the README', async () => {
  const issuer = await startTestIssuer();
  const verifier = createTokenVerifier({ environment: issuer.environment, audience: 'orders' });
  await verifier.ready();
  const token = await issuer.issue({ scope: 'orders:read', sid: 'a-session' });
  const verified = await verifier.verify(token);
  expect(verified.scopes).toEqual(['orders:read']);
  await issuer.revokeWithReceipt({ kind: 'sid', id: 'a-session' });
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'revoked' });
  await verifier.close();
  await issuer.stop();
});
