// One Nest application with one route, in a process of its own, guarded in one of several ways. bench/guard.mjs starts it.
// Takes over IPC `{ variant, issuer, origin, discoveryUrl, credentials, redisUrl }`; answers `{ port }` when it is ready, and
// then what it is asked for by name. Ends with its parent.
import 'reflect-metadata';
import { once } from 'node:events';
import { PerformanceObserver } from 'node:perf_hooks';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { CountersignAuthModule } from '@countersign/nest-auth';
import { createTokenVerifier } from '@countersign/token-verifier';
import { Redis } from 'ioredis';
import jwksRsa from 'jwks-rsa';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { startProfiler, stopProfiler } from './guard-profile.mjs';

const AUDIENCE = 'orders';

/** A controller with `GET /`; `decorators` go on the class. */
function makeController(...decorators) {
  class HelloController {
    hello() {
      return { hello: 'world' };
    }
  }
  const { prototype } = HelloController;
  Get()(prototype, 'hello', Object.getOwnPropertyDescriptor(prototype, 'hello'));
  for (const decorate of [Controller(), ...decorators]) decorate(HelloController);
  return HelloController;
}

function makeModule(metadata) {
  class AppModule {}
  Module(metadata)(AppModule);
  return AppModule;
}

/** Ours: `change` may break the verifier, for the self-check. */
async function countersign({ given, guard, change = (verifier) => verifier, options = {} }) {
  const { issuer, discoveryUrl, credentials } = given;
  const verifier = createTokenVerifier({
    issuer,
    audience: AUDIENCE,
    discoveryUrl,
    credentials,
    maxLifetimeSeconds: 3600,
    ...options,
  });
  await verifier.ready({ timeoutMs: 10_000 });
  return {
    module: makeModule({
      imports: [CountersignAuthModule.forRoot({ verifier: change(verifier), guard })],
      controllers: [makeController()],
    }),
    adapter: new FastifyAdapter(),
  };
}

/** What most teams have: passport-jwt, keys by jwks-rsa with its cache, and one look at a deny-list in Redis per request. */
function usual(adapter, { issuer, origin, redisUrl }) {
  const redis = new Redis(redisUrl);
  class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
    constructor() {
      super({
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        secretOrKeyProvider: jwksRsa.passportJwtSecret({
          cache: true,
          rateLimit: true,
          jwksRequestsPerMinute: 5,
          jwksUri: `${origin}/.well-known/jwks.json`,
        }),
        algorithms: ['RS256'],
        issuer,
        audience: AUDIENCE,
      });
    }

    async validate(claims) {
      return (await redis.exists(`revoked:${claims.sid}`)) === 0 ? claims : false;
    }
  }
  return {
    module: makeModule({
      providers: [JwtStrategy],
      controllers: [makeController(UseGuards(AuthGuard('jwt')))],
    }),
    adapter,
  };
}

/** Keeps the processor busy for so many microseconds in every verification. */
const slowedBy = (microseconds) => (verifier) => {
  const verify = verifier.verify.bind(verifier);
  verifier.verify = (text, options) => {
    const until = performance.now() + microseconds / 1000;
    while (performance.now() < until);
    return verify(text, options);
  };
  return verifier;
};

const variants = {
  open: () => ({
    module: makeModule({ controllers: [makeController()] }),
    adapter: new FastifyAdapter(),
  }),
  'a guard that does nothing': () => ({
    module: makeModule({
      controllers: [makeController()],
      providers: [{ provide: APP_GUARD, useValue: { canActivate: () => true } }],
    }),
    adapter: new FastifyAdapter(),
  }),
  native: (given) => countersign({ given, guard: 'native' }),
  passport: (given) => countersign({ given, guard: 'passport' }),
  'usual on Express': (given) => usual(new ExpressAdapter(), given),
  'usual on Fastify': (given) => usual(new FastifyAdapter(), given),
  // Broken ones, for the self-check.
  'open without a guard': () => variants.open(),
  'native with a sleep': (given) => countersign({ given, guard: 'native', change: slowedBy(40) }),
  'passport with a sleep': (given) =>
    countersign({ given, guard: 'passport', change: slowedBy(60) }),
  'native without revocation': (given) =>
    countersign({
      given: { ...given, credentials: undefined },
      guard: 'native',
      options: { revocation: 'none' },
    }),
};

process.on('disconnect', () => process.exit());
const [given] = await once(process, 'message');
const { module, adapter } = await variants[given.variant](given);
const app = await NestFactory.create(module, adapter, { logger: false });
await app.listen(0, '127.0.0.1');
let gcMs = 0;
const collections = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) gcMs += duration;
});
collections.observe({ entryTypes: ['gc'] });
const answers = {
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1000, gcMs };
  },
  startProfiler,
  stopProfiler,
};
process.on('message', async (name) => process.send(await answers[name]()));
process.send({ port: app.getHttpServer().address().port });
