import { Injectable, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { TokenVerifier } from '@countersign/token-verifier';
import {
  CountersignAuthGuard,
  CountersignAuthModule,
  passportJwtKeyProvider,
  RequestAuthenticator,
} from '../src/index.js';
import type { CountersignAuthOptions } from '../src/index.js';
import { ScopedController, UndecoratedController } from './routes.js';
import { PLATFORMS } from './start-app.js';

/** A strategy such as a team may have had before, with our key provider. */
@Injectable()
class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(verifier: TokenVerifier, authenticator: RequestAuthenticator) {
    super({
      secretOrKeyProvider: passportJwtKeyProvider(verifier),
      jwtFromRequest: ExtractJwt.fromExtractors([
        ExtractJwt.fromAuthHeaderAsBearerToken(),
        ExtractJwt.fromUrlQueryParameter('access_token'),
        (request: object) => authenticator.tokenOf(request),
      ]),
      algorithms: ['RS256'],
    });
  }

  validate(payload: { sub: string }) {
    return { subject: payload.sub };
  }
}

/** Our guards, and a strategy of a team's own with our key provider. */
export const GUARDS = ['native', 'passport', 'passport-jwt'] as const;
export type Guard = (typeof GUARDS)[number];

/** A module with the routes under test. */
export function moduleWith(guard: Guard, options: CountersignAuthOptions): DynamicModule {
  const ofTheTeam = guard === 'passport-jwt';
  const auth = CountersignAuthModule.forRoot({ ...options, guard: ofTheTeam ? 'none' : guard });
  @Module({})
  class TestModule {}
  return {
    module: TestModule,
    imports: [auth],
    controllers: [UndecoratedController, ScopedController],
    providers: ofTheTeam
      ? [JwtStrategy, { provide: APP_GUARD, useClass: CountersignAuthGuard('jwt') }]
      : [],
  };
}

export const everywhere = PLATFORMS.flatMap((platform) =>
  GUARDS.map((guard) => ({ platform, guard })),
);
