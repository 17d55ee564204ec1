import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { AddedServices } from '../../relying-services/added-services.js';
import {
  relyingServiceAudience,
  relyingServiceId,
} from '../../relying-services/declared-services.js';
import { ServiceInstances } from '../../relying-services/service-instances.js';
import { actorOf } from '../operator.js';
import type { Operator } from '../operator.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { servicesJson } from './status-json.js';

const addition = z.strictObject({ id: relyingServiceId, audience: relyingServiceAudience });
const byId = z.strictObject({ id: relyingServiceId });
const nothing = z.strictObject({}).nullish();

@Controller('operator/relying-services')
export class OperatorRelyingServicesController {
  constructor(
    private readonly instances: ServiceInstances,
    private readonly added: AddedServices,
  ) {}

  /** All of them, with their live instances. */
  @Get()
  @RequireRole('read')
  async list() {
    return { items: servicesJson(await this.instances.overview()), next_cursor: null };
  }

  /** Adds one. Its secret is in the answer and nowhere else. */
  @Post()
  @RequireRole('keys')
  async add(
    @CurrentOperator() operator: Operator,
    @Body({ schema: addition }) { id, audience }: z.infer<typeof addition>,
  ) {
    const { secret } = await this.added.add(actorOf(operator), id, audience);
    return { id, audience, client_secret: secret };
  }

  /** Gives it another secret; the one before stays valid too. */
  @Post(':id/secrets')
  @RequireRole('keys')
  async addSecret(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
  ) {
    const { secret, sha256, source } = await this.added.addSecret(actorOf(operator), id);
    return { id, source, client_secret: secret, secret_sha256: sha256 };
  }

  /** Makes the newest secret the only one. */
  @Delete(':id/secrets/old')
  @RequireRole('keys')
  async dropOldSecrets(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
  ) {
    return { id, dropped: await this.added.dropOldSecrets(actorOf(operator), id) };
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRole('keys')
  async withdraw(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
  ) {
    await this.added.withdraw(actorOf(operator), id);
  }
}
