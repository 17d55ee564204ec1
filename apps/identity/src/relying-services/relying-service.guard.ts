import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { isPublicRoute } from '@countersign/nest-auth';
import type { FastifyRequest } from 'fastify';
import { DomainError } from '../platform/domain-error.js';
import { readBasicCredentials } from './client-credentials.js';
import { RelyingServices } from './relying-services.js';

const authenticated = new WeakMap<object, string>();

/** The id of the relying service that sent this request, as the guard established it. */
export function relyingServiceOf(request: FastifyRequest): string {
  const id = authenticated.get(request);
  if (id === undefined) throw new TypeError('the request did not pass the relying service guard');
  return id;
}

/** Lets only declared relying services in, by HTTP Basic. Every route of the service listener passes it but `@Public()`. */
@Injectable()
export class RelyingServiceGuard implements CanActivate {
  constructor(private readonly services: RelyingServices) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (isPublicRoute(context)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const given = readBasicCredentials(request.headers.authorization);
    if (!given || !(await this.services.authenticate(given.clientId, given.clientSecret))) {
      throw new DomainError('client_credentials_rejected');
    }
    authenticated.set(request, given.clientId);
    return true;
  }
}
