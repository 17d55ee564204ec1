import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { currentToken } from '@countersign/token-verifier';

/** Hands the verified `AccessToken` of the request, or of the socket, to a parameter of a protected handler. */
export const CurrentToken = createParamDecorator((_: unknown, context: ExecutionContext) =>
  // For a message of a socket the first argument, which Nest calls the request, is the socket.
  currentToken(context.switchToHttp().getRequest<object>()),
);
