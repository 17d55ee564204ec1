import { createParamDecorator, SetMetadata } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Operator, OperatorRole } from './operator.js';

export const REQUIRED_ROLE = Symbol('required operator role');

/** The role that an operator needs for this route. A route without one is open to nobody. */
export const RequireRole = (role: OperatorRole) => SetMetadata(REQUIRED_ROLE, role);

const authenticated = new WeakMap<object, Operator>();

/** Remembers who sent a request. For the guard. */
export function noteOperator(request: object, operator: Operator): void {
  authenticated.set(request, operator);
}

/** The operator who sent this request. */
export const CurrentOperator = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const operator = authenticated.get(context.switchToHttp().getRequest<object>());
  if (!operator) throw new TypeError('the request did not pass the operator guard');
  return operator;
});
