import type { IncomingMessage } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  isTokenRejected,
  isVerifierUnavailable,
  TokenVerifier,
  currentToken,
  forgetToken,
  rememberedToken,
  rememberToken,
} from '@countersign/token-verifier';
import type { MessageMappingProperties } from '@nestjs/websockets';
import type { WebSocket, WebSocketServer } from 'ws';
import { onAbort } from '../on-abort.js';
import { Refusal } from '../refusal.js';
import { RequestAuthenticator } from '../request-authenticator.js';

/** The close code of a socket whose token was revoked or has expired; the reason is `revoked` or `expired`. */
export const TOKEN_ENDED = 4401;
/** RFC 6455 registry, "try again later": nothing can be said about the token any more. */
const TRY_AGAIN_LATER = 1013;
/** How long a client that does not answer the close may keep its connection. */
const CLOSE_MS = 1_000;

/** What `ws` calls with the outcome: the answer to a refused upgrade is its last three arguments. */
type Decide = (
  accepted: boolean,
  status?: number,
  body?: string,
  headers?: Record<string, string>,
) => void;
type VerifyClient = (info: { readonly req: IncomingMessage }, decide: Decide) => void;

/**
 * The `ws` adapter of Nest with our rules: `app.useWebSocketAdapter(new CountersignWsAdapter(app))`.
 *
 * An upgrade needs a good token, as a route does, and is answered as a route would be. A socket is closed when its token ends,
 * with code 4401 for `revoked` or `expired`, with 1013 when nothing can be said about it any more. `currentToken(client)` and
 * `@CurrentToken()` give its token; `@RequireScope()` on a gateway or a handler is checked for every message.
 */
export class CountersignWsAdapter extends WsAdapter {
  readonly #authenticator: RequestAuthenticator;
  readonly #verifier: TokenVerifier;

  constructor(app: INestApplicationContext, options?: ConstructorParameters<typeof WsAdapter>[1]) {
    super(app, options);
    this.#authenticator = app.get(RequestAuthenticator, { strict: false });
    this.#verifier = app.get(TokenVerifier, { strict: false });
  }

  /** @throws {TypeError} for a gateway with a server or a `verifyClient` of its own: it would not be protected */
  override create(port: number, options: Record<string, unknown> = {}): object {
    if (options['server'] !== undefined || options['verifyClient'] !== undefined) {
      throw new TypeError('a gateway behind CountersignWsAdapter has no server or verifyClient');
    }
    const verifyClient: VerifyClient = ({ req }, decide) => void this.#admit(req, decide);
    const server = super.create(port, { ...options, verifyClient }) as WebSocketServer;
    server.on('connection', (client, request) => this.#watch(client, request));
    return server;
  }

  /** Messages may still arrive until a client has answered the close: none is handled once the token has ended. */
  override bindMessageHandlers(
    client: object,
    handlers: MessageMappingProperties[],
    transform: Parameters<WsAdapter['bindMessageHandlers']>[2],
  ): void {
    const guarded = handlers.map((handler) => ({
      ...handler,
      callback: (...args: unknown[]): unknown =>
        rememberedToken(client) && (handler.callback as (...given: unknown[]) => unknown)(...args),
    }));
    super.bindMessageHandlers(client, guarded as MessageMappingProperties[], transform);
  }

  async #admit(request: IncomingMessage, decide: Decide): Promise<void> {
    try {
      await this.#authenticator.verify(request);
      decide(true);
    } catch (error) {
      if (error instanceof Refusal) {
        // Spelt as ws spells it, or there would be two.
        const { 'content-type': type = '', ...others } = error.answer.headers;
        const headers = { ...others, 'Content-Type': type };
        decide(false, error.getStatus(), JSON.stringify(error.answer.problem), headers);
      } else {
        this.logger.error(error);
        decide(false, 500);
      }
    }
  }

  #watch(client: WebSocket, request: IncomingMessage): void {
    const token = currentToken(request);
    rememberToken(client, token);
    const over = new AbortController();
    client.once('close', () => over.abort());
    onAbort(this.#verifier.watch(token, { until: over.signal }), (reason) => {
      forgetToken(client);
      closeFor(client, reason);
    });
  }
}

function closeFor(client: WebSocket, reason: unknown): void {
  const giveUp = setTimeout(() => client.terminate(), CLOSE_MS).unref();
  client.once('close', () => clearTimeout(giveUp));
  if (isTokenRejected(reason)) client.close(TOKEN_ENDED, reason.code);
  else client.close(TRY_AGAIN_LATER, isVerifierUnavailable(reason) ? reason.code : '');
}
