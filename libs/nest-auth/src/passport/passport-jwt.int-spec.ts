import 'reflect-metadata';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import type { CanActivate, Type } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import type { StrategyOptionsWithoutRequest } from 'passport-jwt';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { isTokenRejected, isVerifierUnavailable } from '@countersign/token-verifier';
import type { TokenVerifier } from '@countersign/token-verifier';
import { ask, listen, makeApp, makeVerifier, until } from '../../test/start-app.js';
import { CountersignAuthGuard, CountersignAuthModule, passportJwtKeyProvider } from '../index.js';

let issuer: TestIssuer;
let verifier: TokenVerifier;
let skewMs = 0;
const asked: string[] = [];

beforeAll(async () => {
  issuer = await startTestIssuer();
  verifier = makeVerifier(issuer, {
    clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() + skewMs },
    fetch: (input, init) => {
      asked.push(input);
      return fetch(input, init);
    },
  });
  await verifier.ready();
});

afterAll(async () => {
  await verifier.close();
  await issuer.stop();
});

const bearer = (token: string) => ['Authorization', `Bearer ${token}`];

describe('the key provider, with passport-jwt and passport alone', () => {
  /** What the strategy failed with, as passport hands it to a callback. */
  async function outcomeOf(
    token: string,
    withVerifier = verifier,
  ): Promise<{ user: unknown; info: unknown }> {
    const own = new passport.Passport();
    const options: StrategyOptionsWithoutRequest = {
      secretOrKeyProvider: passportJwtKeyProvider(withVerifier),
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    };
    own.use(new Strategy(options, (payload: { sub: string }, done) => done(null, payload)));
    let settle: (outcome: { user: unknown; info: unknown }) => void = () => undefined;
    const outcome = new Promise<{ user: unknown; info: unknown }>((resolve) => (settle = resolve));
    const server = createServer((request, response) => {
      const done = (_error: unknown, user: unknown, info: unknown) => {
        settle({ user, info });
        response.end();
      };
      (own.authenticate('jwt', { session: false }, done) as (...args: unknown[]) => void)(
        request,
        response,
        () => undefined,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await ask(`http://127.0.0.1:${String(port)}/`, bearer(token));
    server.close();
    return outcome;
  }

  test('a good token has its key', async () => {
    const { user } = await outcomeOf(await issuer.issue({ sub: 'somebody' }));
    expect(user).toMatchObject({ sub: 'somebody' });
  });

  test('what the verifier refuses gets no key, though passport-jwt would take it', async () => {
    issuer.revoke({ kind: 'sid', id: 'ended' });
    const revoked = await issuer.issue({ sid: 'ended' });
    await until(() => issuer.checkIns.some(({ applied }) => (applied?.seq ?? 0) > 0));
    const cases: readonly (readonly [string, string])[] = [
      ['revoked', revoked],
      ['wrong_audience', await issuer.issue({ aud: ['payments'] })],
      ['malformed', await issuer.issue({ exp: undefined })],
      ['unexpected_type', await issuer.issue({}, { typ: 'JWT' })],
      ['algorithm_not_allowed', signedWith('the public key, as a secret')],
    ];
    for (const [code, token] of cases) {
      const { user, info } = await outcomeOf(token);
      expect({ code, user }).toEqual({ code, user: false });
      expect(isTokenRejected(info) && info.code).toBe(code);
    }
  });

  test('no decision is told apart from a bad token', async () => {
    const unreachable = makeVerifier(issuer, { discoveryUrl: 'http://127.0.0.1:1/metadata' });
    const { user, info } = await outcomeOf(await issuer.issue(), unreachable);
    expect(user).toBe(false);
    expect(isVerifierUnavailable(info)).toBe(true);
    await unreachable.close();
  });

  test('a key that is new is fetched, and twenty that nobody has cost hardly more', async () => {
    await issuer.rotate();
    const token = await issuer.issue();
    skewMs += 11_000;
    asked.length = 0;
    const all = await Promise.all([
      outcomeOf(token),
      ...Array.from({ length: 20 }, async (_, n) =>
        outcomeOf(await issuer.issue({}, { kid: `junk-${String(n)}` })),
      ),
    ]);
    expect(all.map(({ user }) => Boolean(user))).toEqual([true, ...Array<boolean>(20).fill(false)]);
    const fetches = asked.filter((url) => url.includes('jwks')).length;
    expect(fetches).toBeGreaterThanOrEqual(1);
    expect(fetches).toBeLessThanOrEqual(2);
  });

  function signedWith(secret: string): string {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const kid = verifier.state().keys.kids[0];
    const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${encode({ sub: 'x' })}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
  }
});

describe('a strategy of passport-jwt in an application', () => {
  test.each([
    ['as it is', {}, 0, 200, undefined],
    ['refusing by an audience of its own', { audience: 'another' }, 0, 401, 'token_not_accepted'],
    ['without tolerance between clocks', {}, -2, 401, 'token_not_accepted'],
    ['with tolerance', { jsonWebTokenOptions: { clockTolerance: 60 } }, -2, 200, undefined],
  ])('%s', async (_, options, expiresIn, status, code) => {
    const now = Math.floor(Date.now() / 1000);
    const exp = expiresIn === 0 ? now + 60 : now + expiresIn;
    const token = await issuer.issue({ iat: now - 60, exp });
    const answer = await answerOf(options, CountersignAuthGuard('jwt'), token);
    expect(answer.status).toBe(status);
    if (code === undefined) return;
    expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    expect(JSON.parse(answer.body)).toMatchObject({ code });
  });

  test('that knows no user for the token', async () => {
    const answer = await answerOf({}, CountersignAuthGuard('jwt'), await issuer.issue(), null);
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'token_not_accepted' });
  });

  test('that takes its token elsewhere than where we have looked', async () => {
    const options = { jwtFromRequest: ExtractJwt.fromUrlQueryParameter('token') };
    const [one, other] = [await issuer.issue(), await issuer.issue()];
    const guard = CountersignAuthGuard('jwt');
    const answer = await answerOf(options, guard, one, undefined, `?token=${other}`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'multiple_credentials' });
  });

  test('behind Nest’s own guard: a revoked token is refused, though with a bare 401', async () => {
    const token = await issuer.issue({ sid: 'ended-too' });
    const guard = AuthGuard('jwt');
    expect((await answerOf({}, guard, token)).status).toBe(200);
    const { seq } = issuer.revoke({ kind: 'sid', id: 'ended-too' });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    const refused = await answerOf({}, guard, token);
    expect(refused.status).toBe(401);
    expect(refused.headers).not.toHaveProperty('www-authenticate');
  });

  async function answerOf(
    options: Partial<StrategyOptionsWithoutRequest>,
    guard: Type<CanActivate>,
    token: string,
    user: object | null = {},
    query = '',
  ) {
    @Injectable()
    class OwnStrategy extends PassportStrategy(Strategy, 'jwt') {
      constructor() {
        super({
          secretOrKeyProvider: passportJwtKeyProvider(verifier),
          jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
          ...options,
        });
      }

      validate() {
        return user;
      }
    }
    @Controller()
    class OwnController {
      @UseGuards(guard)
      @Get()
      get() {
        return {};
      }
    }
    @Module({
      imports: [CountersignAuthModule.forRoot({ verifier, guard: 'none' })],
      controllers: [OwnController],
      providers: [OwnStrategy],
    })
    class OwnModule {}
    const app = await makeApp(OwnModule, 'express');
    const answer = await ask(`${await listen(app)}/${query}`, bearer(token));
    await app.close();
    return answer;
  }
});
