import { Controller, Get } from '@nestjs/common';
import { Described } from '../../openapi/described.js';
import { IdentityStatus } from '../identity-status.js';
import type { Operator } from '../operator.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { statusAnswer, statusJson } from './status-json.js';

@Controller('operator/status')
export class OperatorStatusController {
  constructor(private readonly status: IdentityStatus) {}

  @Get()
  @RequireRole('read')
  @Described({ summary: 'How identity stands, on one screen.', answers: { 200: statusAnswer } })
  async show(@CurrentOperator() operator: Operator) {
    return statusJson(operator, await this.status.report());
  }
}
