import { ConfigurableModuleBuilder, Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown, Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { createTokenVerifier, TokenVerifier } from '@countersign/token-verifier';
import type { TokenVerifierOptions } from '@countersign/token-verifier';
import { AccessTokenGuard } from './access-token.guard.js';
import { CountersignPassportGuard } from './passport/countersign-passport.guard.js';
import { CountersignStrategy } from './passport/countersign.strategy.js';

/** A verifier made by the caller, who closes it; or how to make one, which the module then closes at shutdown. */
export type CountersignAuthOptions =
  { readonly verifier: TokenVerifier } | { readonly verifierOptions: TokenVerifierOptions };

/** What guards the routes of the application: our own guard (default), or passport with `CountersignStrategy`. */
export interface CountersignAuthExtras {
  readonly guard?: 'native' | 'passport';
}

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<CountersignAuthOptions>()
    .setClassMethodName('forRoot')
    .setExtras<CountersignAuthExtras>({ guard: 'native' }, (definition, { guard }) => ({
      ...definition,
      providers: [...(definition.providers ?? []), ...guardProviders(guard ?? 'native')],
    }))
    .build();

/**
 * Protects every route of an application, imported once in its root module: `forRoot({ verifier })`, or `forRootAsync` with
 * a factory. Also provides the {@link TokenVerifier} under its class.
 */
@Module({
  providers: [
    {
      provide: TokenVerifier,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: CountersignAuthOptions) =>
        'verifier' in options ? options.verifier : createTokenVerifier(options.verifierOptions),
    },
  ],
  exports: [TokenVerifier],
})
export class CountersignAuthModule
  extends ConfigurableModuleClass
  implements OnApplicationShutdown
{
  constructor(
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: CountersignAuthOptions,
    private readonly verifier: TokenVerifier,
  ) {
    super();
  }

  async onApplicationShutdown(): Promise<void> {
    if ('verifierOptions' in this.options) await this.verifier.close();
  }
}

function guardProviders(guard: 'native' | 'passport'): Provider[] {
  switch (guard) {
    case 'native':
      return [{ provide: APP_GUARD, useClass: AccessTokenGuard }];
    case 'passport':
      return [CountersignStrategy, { provide: APP_GUARD, useClass: CountersignPassportGuard }];
  }
}
