import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { readBearerCredentials } from '@countersign/token-verifier';
import type { FastifyRequest } from 'fastify';
import { DomainError } from '../platform/domain-error.js';
import type { OperatorRole } from './operator.js';
import { Operators } from './operators.js';
import { noteOperator, REQUIRED_ROLE } from './require-role.js';

/** Lets operators in by their token, to the routes that one of their roles opens. Everything else is refused. */
@Injectable()
export class OperatorGuard implements CanActivate {
  constructor(
    private readonly operators: Operators,
    private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const credentials = readBearerCredentials(request.raw.rawHeaders);
    const operator =
      'token' in credentials ? await this.operators.authenticate(credentials.token) : undefined;
    if (!operator) throw new DomainError('operator_token_rejected');
    const role = this.reflector.get<OperatorRole | undefined>(REQUIRED_ROLE, context.getHandler());
    if (role === undefined || !operator.roles.includes(role)) {
      throw new DomainError(
        'operator_role_missing',
        role === undefined ? undefined : `this needs the role ${role}`,
      );
    }
    noteOperator(request, operator);
    return true;
  }
}
