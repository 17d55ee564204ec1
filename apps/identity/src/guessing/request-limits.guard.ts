import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { addressClass } from './address-class.js';
import { AttemptKeys } from './attempt-keys.js';
import { AttemptLimits } from './attempt-limits.js';
import { COUNTED_ROUTES } from './limited-routes.js';

/** Counts requests to what is behind a session, before anybody looks who sends them. */
@Injectable()
export class RequestLimitsGuard implements CanActivate {
  constructor(
    private readonly limits: AttemptLimits,
    private readonly keys: AttemptKeys,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!COUNTED_ROUTES.has(`${request.method} ${request.routeOptions.url ?? ''}`)) return true;
    const { address, network } = addressClass(request.ip);
    await this.limits.begin('request', {
      address: this.keys.of('address', address),
      network: this.keys.of('network', network),
    });
    return true;
  }
}
