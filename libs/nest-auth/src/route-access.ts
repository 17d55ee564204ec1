import { Inject, Injectable } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { TokenVerifier } from '@countersign/token-verifier';
import type { AccessToken } from '@countersign/token-verifier';
import { accessRuleOf } from './access-rule.js';
import { noteStaleRevocations, staleRevocationsOf } from './allow-stale-revocations.js';
import { endStreamWithToken, isEventStream } from './event-stream.js';
import { putRefusalHeaders, requireScopes } from './refusal.js';
import { permitsMessage } from './socket-access.js';

/** What every guard of ours does around authentication: the rule of the route, scopes, streams, the answer to a refusal. */
@Injectable()
export class RouteAccess {
  constructor(@Inject(TokenVerifier) private readonly verifier: TokenVerifier) {}

  /**
   * Whether Nest may go on to the handler of `context`.
   *
   * For a message of a WebSocket see {@link permitsMessage}. What is neither HTTP nor a WebSocket may not: there is no token
   * to judge by.
   *
   * @throws {Refusal} what to answer instead, its headers already on the response
   */
  permit(
    context: ExecutionContext,
    authenticate: (request: object) => Promise<AccessToken>,
  ): Promise<boolean> {
    switch (context.getType<string>()) {
      case 'http':
        return this.#permitRequest(context, authenticate);
      case 'ws':
        return Promise.resolve(permitsMessage(context));
      default:
        return Promise.resolve(false);
    }
  }

  async #permitRequest(
    context: ExecutionContext,
    authenticate: (request: object) => Promise<AccessToken>,
  ): Promise<true> {
    const rule = accessRuleOf(context);
    if (rule === 'public') return true;
    const request = context.switchToHttp().getRequest<object>();
    noteStaleRevocations(request, staleRevocationsOf(context));
    try {
      const token = await authenticate(request);
      requireScopes(token, rule.scopes);
      if (isEventStream(context)) endStreamWithToken(this.verifier, token, context);
      return true;
    } catch (error) {
      putRefusalHeaders(context, error);
      throw error;
    }
  }
}
