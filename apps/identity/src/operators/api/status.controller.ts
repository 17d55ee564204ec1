import { Controller, Get } from '@nestjs/common';
import { IdentityStatus } from '../identity-status.js';
import type { Operator } from '../operator.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { statusJson } from './status-json.js';

@Controller('operator/status')
export class OperatorStatusController {
  constructor(private readonly status: IdentityStatus) {}

  /** How identity stands, on one screen. */
  @Get()
  @RequireRole('read')
  async show(@CurrentOperator() operator: Operator) {
    return statusJson(operator, await this.status.report());
  }
}
