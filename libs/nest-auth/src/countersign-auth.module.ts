import { ConfigurableModuleBuilder, Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown, Provider, Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, HttpAdapterHost } from '@nestjs/core';
import {
  cookiePolicy,
  createTokenVerifier,
  requireKnownNames,
  TokenVerifier,
} from '@countersign/token-verifier';
import type {
  CookiePolicy,
  CookiePolicyOptions,
  TokenVerifierOptions,
} from '@countersign/token-verifier';
import { AccessTokenGuard } from './access-token.guard.js';
import { CountersignPassportGuard } from './passport/countersign-passport.guard.js';
import { CountersignStrategy } from './passport/countersign.strategy.js';
import { refuseBeforeTheBody } from './refuse-before-the-body.js';
import { RefusalFilter } from './refusal.filter.js';
import { COOKIE_POLICY, RequestAuthenticator } from './request-authenticator.js';
import { RouteAccess } from './route-access.js';

export type CountersignAuthOptions = {
  /** Also takes the token from a cookie, for browsers. Without it only the `Authorization` header counts. */
  readonly cookies?: CookiePolicyOptions;
} & (
  | {
      /** Made by the caller, who closes it. */
      readonly verifier: TokenVerifier;
    }
  | {
      /** How to make one, which the module closes at shutdown. */
      readonly verifierOptions: TokenVerifierOptions;
    }
);

export interface CountersignAuthExtras {
  /**
   * What guards the routes of the application: our own guard (default), passport with `CountersignStrategy`, or `none` where
   * you register a `CountersignAuthGuard('…')` for a strategy of your own.
   */
  readonly guard?: 'native' | 'passport' | 'none';
  /** With `guard: 'passport'`: yours, which extends {@link CountersignStrategy}. */
  readonly strategy?: Type<CountersignStrategy>;
}

const OPTIONS = ['verifier', 'verifierOptions', 'cookies'];

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<CountersignAuthOptions>()
    .setClassMethodName('forRoot')
    .setExtras<Required<CountersignAuthExtras>>(
      { guard: 'native', strategy: CountersignStrategy },
      (definition, extras) => {
        requireKnownNames('forRoot', extras, [...OPTIONS, 'guard', 'strategy']);
        const guards = guardProviders(extras.guard, extras.strategy);
        return { ...definition, providers: [...(definition.providers ?? []), ...guards] };
      },
    )
    .build();

/**
 * Protects every route of an application, imported once in its root module: `forRoot({ verifier })`, or `forRootAsync` with
 * a factory. Also provides the {@link TokenVerifier} under its class, and what `CountersignAuthGuard` needs.
 */
@Module({
  providers: [
    {
      provide: TokenVerifier,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: verifierOf,
    },
    {
      provide: COOKIE_POLICY,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: ({ cookies }: CountersignAuthOptions) => cookies && cookiePolicy(cookies),
    },
    RequestAuthenticator,
    RouteAccess,
    { provide: APP_FILTER, useClass: RefusalFilter },
  ],
  exports: [TokenVerifier, RequestAuthenticator, RouteAccess],
})
export class CountersignAuthModule
  extends ConfigurableModuleClass
  implements OnApplicationShutdown
{
  private readonly ownsVerifier: boolean;

  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) options: CountersignAuthOptions,
    @Inject(TokenVerifier) private readonly verifier: TokenVerifier,
    @Inject(COOKIE_POLICY) cookies: CookiePolicy | undefined,
    @Inject(HttpAdapterHost) { httpAdapter }: HttpAdapterHost,
  ) {
    super();
    if (cookies) refuseBeforeTheBody(httpAdapter, cookies);
    this.ownsVerifier = 'verifierOptions' in options;
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.ownsVerifier) await this.verifier.close();
  }
}

interface GivenVerifier {
  readonly verifier?: TokenVerifier;
  readonly verifierOptions?: TokenVerifierOptions;
}

function verifierOf(options: CountersignAuthOptions): TokenVerifier {
  // What belongs beside a factory is of no effect in what it returns.
  requireKnownNames('the options of CountersignAuthModule', options, OPTIONS);
  const { verifier, verifierOptions }: GivenVerifier = options;
  if (verifier && !verifierOptions) return verifier;
  if (verifierOptions && !verifier) return createTokenVerifier(verifierOptions);
  throw new TypeError('CountersignAuthModule needs either a verifier or verifierOptions');
}

function guardProviders(
  guard: NonNullable<CountersignAuthExtras['guard']>,
  strategy: Type<CountersignStrategy>,
): Provider[] {
  switch (guard) {
    case 'none':
      return [];
    case 'native':
      return [{ provide: APP_GUARD, useClass: AccessTokenGuard }];
    case 'passport':
      return [
        { provide: CountersignStrategy, useClass: strategy },
        { provide: APP_GUARD, useClass: CountersignPassportGuard },
      ];
    default:
      throw new TypeError("guard must be 'native', 'passport' or 'none'");
  }
}
