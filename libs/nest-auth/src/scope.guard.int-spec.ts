import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import type { INestApplication, Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { TokenVerifier } from '@countersign/token-verifier';
import { ask, listen, makeApp, makeVerifier, PLATFORMS } from '../test/start-app.js';
import {
  CountersignAuthModule,
  CountersignStrategy,
  passportJwtKeyProvider,
  Public,
  RequireScope,
} from './index.js';

@Injectable()
class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(verifier: TokenVerifier) {
    super({
      secretOrKeyProvider: passportJwtKeyProvider(verifier),
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    });
  }

  validate() {
    return {};
  }
}

const everywhere = PLATFORMS.flatMap((platform) =>
  [
    { strategy: 'countersign', provider: CountersignStrategy },
    { strategy: 'jwt', provider: JwtStrategy },
  ].map((given) => ({ platform, ...given })),
);

let issuer: TestIssuer;
let verifier: TokenVerifier;

beforeAll(async () => {
  issuer = await startTestIssuer();
  verifier = makeVerifier(issuer);
  await verifier.ready();
});
afterAll(async () => {
  await verifier.close();
  await issuer.stop();
});

describe.each(everywhere)(
  "scopes behind Nest's AuthGuard('$strategy') on $platform",
  ({ platform, strategy, provider }) => {
    class Hello {
      @Get()
      hello() {
        return {};
      }
    }

    @Controller('below-on-the-route')
    class BelowOnTheRoute {
      @RequireScope('orders:write')
      @UseGuards(AuthGuard(strategy))
      @Get()
      hello() {
        return {};
      }
    }

    @UseGuards(AuthGuard(strategy))
    @Controller('on-the-controller')
    class OnTheController {
      @RequireScope('orders:write')
      @Get()
      hello() {
        return {};
      }
    }

    @RequireScope('orders:write')
    @UseGuards(AuthGuard(strategy))
    @Controller('both-on-the-controller')
    class BothOnTheController extends Hello {}

    @Controller('after-on-the-route')
    class AfterOnTheRoute {
      @UseGuards(AuthGuard(strategy))
      @RequireScope('orders:write')
      @Get()
      hello() {
        return {};
      }
    }

    @RequireScope('orders:write')
    @Controller('after-the-controller')
    class AfterTheController {
      @UseGuards(AuthGuard(strategy))
      @Get()
      hello() {
        return {};
      }

      @Public()
      @Get('open')
      open() {
        return {};
      }
    }

    @RequireScope('orders:write')
    @Controller('no-guard')
    class NoGuard extends Hello {}

    @RequireScope('orders:write')
    @Controller('whole-application')
    class WholeApplication extends Hello {}

    async function start(controllers: (new () => object)[], guards: Provider[] = []) {
      @Module({
        imports: [CountersignAuthModule.forRoot({ verifier, guard: 'none' })],
        controllers,
        providers: [provider, ...guards],
      })
      class ScopedModule {}
      const started = await makeApp(ScopedModule, platform);
      return { app: started, origin: await listen(started) };
    }

    let app: INestApplication;
    let origin: string;
    beforeAll(async () => {
      ({ app, origin } = await start([
        BelowOnTheRoute,
        OnTheController,
        BothOnTheController,
        AfterOnTheRoute,
        AfterTheController,
        NoGuard,
      ]));
    });
    afterAll(() => app.close());

    const bearer = async (scope: string) => [
      'Authorization',
      `Bearer ${await issuer.issue({ scope })}`,
    ];

    test.each(['below-on-the-route', 'on-the-controller', 'both-on-the-controller'])(
      'count where the guard comes first: %s',
      async (path) => {
        const allowed = await ask(`${origin}/${path}`, await bearer('orders:write'));
        expect(allowed.status).toBe(200);
        const refused = await ask(`${origin}/${path}`, await bearer('orders:read'));
        expect(refused.status).toBe(403);
        expect(JSON.parse(refused.body)).toMatchObject({ code: 'insufficient_scope' });
        expect(refused.headers['www-authenticate']).toBe(
          'Bearer error="insufficient_scope", scope="orders:write"',
        );
        expect((await ask(`${origin}/${path}`)).status).toBe(401);
      },
    );

    test.each(['after-on-the-route', 'after-the-controller', 'no-guard'])(
      'let nobody through where nothing has verified the token before: %s',
      async (path) => {
        const refused = await ask(`${origin}/${path}`, await bearer('orders:write'));
        expect(refused.status).toBe(401);
        expect(JSON.parse(refused.body)).toMatchObject({ code: 'token_not_accepted' });
        const anonymous = await ask(`${origin}/${path}`);
        expect(anonymous.status).toBe(401);
        expect(JSON.parse(anonymous.body)).toMatchObject({ code: 'credentials_required' });
        expect(anonymous.headers['www-authenticate']).toBe('Bearer realm="countersign"');
      },
    );

    test('are not asked for on a public route of a controller with scopes', async () => {
      expect((await ask(`${origin}/after-the-controller/open`)).status).toBe(200);
    });

    test('count where the guard is that of the whole application', async () => {
      const whole = await start(
        [WholeApplication],
        [{ provide: APP_GUARD, useClass: AuthGuard(strategy) }],
      );
      const statuses = [];
      for (const scope of ['orders:write', 'orders:read'])
        statuses.push((await ask(`${whole.origin}/whole-application`, await bearer(scope))).status);
      await whole.app.close();
      expect(statuses).toEqual([200, 403]);
    });
  },
);
