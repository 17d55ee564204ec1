import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RequestLimits } from './request-limits.js';

/** Counts requests to what is behind a session, before anybody looks who sends them. */
@Injectable()
export class RequestLimitsGuard implements CanActivate {
  constructor(private readonly limits: RequestLimits) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.limits.count(context.switchToHttp().getRequest<FastifyRequest>());
    return true;
  }
}
