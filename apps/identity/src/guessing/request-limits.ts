import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { addressClass } from './address-class.js';
import { AttemptKeys } from './attempt-keys.js';
import { AttemptLimits } from './attempt-limits.js';
import { COUNTED_ROUTES, limitedRouteOf } from './limited-routes.js';

/** Counts requests by where they come from, before anybody looks who sends them. */
@Injectable()
export class RequestLimits {
  constructor(
    private readonly limits: AttemptLimits,
    private readonly keys: AttemptKeys,
  ) {}

  /** @throws {DomainError} `too_many_attempts` */
  async count(request: FastifyRequest): Promise<void> {
    if (!COUNTED_ROUTES.has(limitedRouteOf(request))) return;
    const { address, network } = addressClass(request.ip);
    await this.limits.begin('request', {
      address: this.keys.of('address', address),
      network: this.keys.of('network', network),
    });
  }
}
