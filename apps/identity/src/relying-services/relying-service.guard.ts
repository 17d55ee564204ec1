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
    authenticated.set(request, await authenticateService(this.services, request));
    return true;
  }
}

/**
 * Establishes which relying service has sent a request. @returns its id
 *
 * @throws {DomainError} `client_credentials_rejected`
 */
export async function authenticateService(
  services: Pick<RelyingServices, 'authenticate'>,
  { headers }: Pick<FastifyRequest, 'headers'>,
): Promise<string> {
  const given = readBasicCredentials(headers.authorization);
  if (!given || !(await services.authenticate(given.clientId, given.clientSecret))) {
    throw new DomainError('client_credentials_rejected');
  }
  return given.clientId;
}
