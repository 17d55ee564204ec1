import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { ACCESS_COOKIE, TokenVerifier } from '@countersign/token-verifier';
import { CASES, PUBLIC_ORIGIN } from '../test/cases.js';
import { everywhere, moduleWith } from '../test/guarded-module.js';
import { ask, listen, makeApp, makeVerifier, until, verifierOptions } from '../test/start-app.js';
import { CountersignAuthModule } from './index.js';

describe.each(everywhere)('the $guard guard on $platform', ({ platform, guard }) => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;
  let app: INestApplication;
  let origin: string;

  beforeAll(async () => {
    issuer = await startTestIssuer();
    verifier = makeVerifier(issuer);
    await verifier.ready();
    const cookies = { origins: [PUBLIC_ORIGIN] };
    app = await makeApp(moduleWith(guard, { verifier, cookies }), platform);
    origin = await listen(app);
  });

  afterAll(async () => {
    await app.close();
    await verifier.close();
    await issuer.stop();
  });

  test.each(CASES)(
    '$name: $status $code',
    async ({ path = '/undecorated', method = 'GET', status, code, challenge, ...sent }) => {
      const authorization = await sent.authorization?.(issuer);
      const cookie = await sent.cookie?.(issuer);
      const headers = [
        ...(authorization === undefined ? [] : ['Authorization', authorization]),
        ...(cookie === undefined ? [] : ['Cookie', `a=b; ${ACCESS_COOKIE}=${cookie}`]),
        ...(sent.headers ?? []),
      ];
      const answer = await ask(origin + path, headers, method);
      expect(answer).toMatchObject({ status });
      expect(answer.headers['www-authenticate']).toBe(challenge);
      if (code === undefined) return;
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(answer.body)).toEqual({
        type: `urn:countersign:error:${code}`,
        title: expect.any(String),
        status,
        code,
      });
    },
  );

  test('the token is handed to the parameter', async () => {
    const { body } = await ask(`${origin}/undecorated`, await bearer({ sub: 'somebody' }));
    expect(JSON.parse(body)).toEqual({ subject: 'somebody' });
  });

  test('passport puts a user on the request as well', async () => {
    const { body } = await ask(`${origin}/user`, await bearer({ sub: 'somebody' }));
    expect(JSON.parse(body)).toEqual({ subject: guard === 'native' ? null : 'somebody' });
  });

  test('a token in the query string or in a body is not read', async () => {
    const token = await issuer.issue();
    expect((await ask(`${origin}/undecorated?access_token=${token}`)).status).toBe(401);
    const inBody = await fetch(`${origin}/scoped`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ access_token: token }),
    });
    expect(inBody.status).toBe(401);
  });

  test('a revoked token is refused as soon as the revocation is applied, in header and cookie', async () => {
    const sid = `${guard} on ${platform}`;
    const headers = await bearer({ sid });
    const inCookie = ['Cookie', `${ACCESS_COOKIE}=${headers[1]!.slice('Bearer '.length)}`];
    expect((await ask(`${origin}/undecorated`, headers)).status).toBe(200);
    const { seq } = issuer.revoke({ kind: 'sid', id: sid });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    for (const credentials of [headers, inCookie]) {
      const refused = await ask(`${origin}/undecorated`, credentials);
      expect(refused).toMatchObject({ status: 401 });
      expect(refused.body).toContain('"code":"revoked"');
    }
  });

  async function bearer(claims: Record<string, unknown>): Promise<string[]> {
    return ['Authorization', `Bearer ${await issuer.issue(claims)}`];
  }
});

describe.each(everywhere)(
  'the $guard guard on $platform without an issuer',
  ({ platform, guard }) => {
    test('answers 503 with Retry-After until it can decide, never 401', async () => {
      const issuer = await startTestIssuer();
      const headers = ['Authorization', `Bearer ${await issuer.issue()}`];
      await issuer.stopServing();
      const verifier = makeVerifier(issuer, { staleness: { softSeconds: 1, hardSeconds: 2 } });
      const app = await makeApp(moduleWith(guard, { verifier }), platform);
      const origin = await listen(app);
      const away = await ask(`${origin}/undecorated`, headers);
      expect(away).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
      expect(away.headers).not.toHaveProperty('www-authenticate');
      expect(JSON.parse(away.body)).toMatchObject({ code: 'keys_unreachable', status: 503 });
      expect((await ask(`${origin}/undecorated`)).status).toBe(401);

      await issuer.resume();
      await verifier.ready();
      expect((await ask(`${origin}/undecorated`, headers)).status).toBe(200);

      await issuer.stopServing();
      await until(() => !verifier.state().ready);
      const stale = await ask(`${origin}/undecorated`, headers);
      expect(stale.status).toBe(503);
      expect(JSON.parse(stale.body)).toMatchObject({ code: 'revocation_unreachable' });
      expect((await ask(`${origin}/stays-open`, headers)).status).toBe(200);
      await app.close();
      await verifier.close();
      await issuer.stop();
    });
  },
);

test('a module that makes its own verifier closes it with the application', async () => {
  const issuer = await startTestIssuer();
  const app = await makeApp(
    CountersignAuthModule.forRootAsync({
      guard: 'native',
      useFactory: () => ({ verifierOptions: verifierOptions(issuer) }),
    }),
    'fastify',
  );
  await app.init();
  await app.get(TokenVerifier).ready();
  await app.close();
  expect(issuer.checkIns.at(-1)).toMatchObject({ goodbye: true });
  await issuer.stop();
});

test('a cookie is no credential unless the application says so', async () => {
  const issuer = await startTestIssuer();
  const verifier = makeVerifier(issuer);
  await verifier.ready();
  const app = await makeApp(moduleWith('native', { verifier }), 'fastify');
  const origin = await listen(app);
  const answer = await ask(`${origin}/undecorated`, [
    'Cookie',
    `${ACCESS_COOKIE}=${await issuer.issue()}`,
  ]);
  expect(answer.status).toBe(401);
  expect(answer.body).toContain('"code":"credentials_required"');
  await app.close();
  await verifier.close();
  await issuer.stop();
});
