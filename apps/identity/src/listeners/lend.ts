import type { Abstract, INestApplicationContext, Type, ValueProvider } from '@nestjs/common';

/**
 * Lends parts of the running identity to a listener, which is a Nest application of its own: so that what a listener can
 * reach is a list in one file, and no route can turn up on another listener.
 */
export function lend(
  identity: INestApplicationContext,
  tokens: readonly (Type | Abstract<unknown> | symbol)[],
): ValueProvider[] {
  return tokens.map((token) => ({ provide: token, useValue: identity.get<unknown>(token) }));
}
