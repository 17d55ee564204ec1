import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { Described } from '../../openapi/described.js';
import { AddedServices } from '../../relying-services/added-services.js';
import {
  relyingServiceAudience,
  relyingServiceId,
} from '../../relying-services/declared-services.js';
import { ServiceInstances } from '../../relying-services/service-instances.js';
import { actorOf } from '../operator.js';
import type { Operator } from '../operator.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { pageOf } from './answer-schemas.js';
import { droppedSecrets, madeSecret } from './secret-answers.js';
import { serviceAnswer, servicesJson } from './status-json.js';

const addition = z.strictObject({ id: relyingServiceId, audience: relyingServiceAudience });
const byId = z.strictObject({ id: relyingServiceId });
const nothing = z.strictObject({}).nullish();
const added = z.strictObject({
  id: z.string(),
  audience: z.string().nullable(),
  client_secret: z.string().describe('Shown only here'),
});

@Controller('operator/relying-services')
export class OperatorRelyingServicesController {
  constructor(
    private readonly instances: ServiceInstances,
    private readonly added: AddedServices,
  ) {}

  @Get()
  @RequireRole('read')
  @Described({
    summary: 'All relying services, with their live instances.',
    answers: { 200: pageOf(serviceAnswer) },
  })
  async list() {
    return { items: servicesJson(await this.instances.overview()), next_cursor: null };
  }

  @Post()
  @RequireRole('keys')
  @Described({
    summary: 'Adds a relying service.',
    details: 'Its secret is in the answer and nowhere else.',
    answers: { 201: added },
    problems: ['relying_service_exists'],
  })
  async add(
    @CurrentOperator() operator: Operator,
    @Body({ schema: addition }) { id, audience }: z.infer<typeof addition>,
  ) {
    const { secret } = await this.added.add(actorOf(operator), id, audience);
    return { id, audience, client_secret: secret };
  }

  @Post(':id/secrets')
  @RequireRole('keys')
  @Described({
    summary: 'Gives a relying service another secret; the one before stays valid too.',
    answers: { 201: madeSecret.extend({ source: z.enum(['file', 'operator']) }) },
    problems: ['unknown_relying_service', 'rotation_in_progress'],
  })
  async addSecret(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
  ) {
    const { secret, sha256, source } = await this.added.addSecret(actorOf(operator), id);
    return { id, source, client_secret: secret, secret_sha256: sha256 };
  }

  @Delete(':id/secrets/old')
  @RequireRole('keys')
  @Described({
    summary: 'Makes the newest secret of a relying service the only one.',
    answers: { 200: droppedSecrets },
    problems: ['unknown_relying_service', 'declared_in_file'],
  })
  async dropOldSecrets(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
  ) {
    return { id, dropped: await this.added.dropOldSecrets(actorOf(operator), id) };
  }

  @Delete(':id')
  @HttpCode(204)
  @RequireRole('keys')
  @Described({
    summary: 'Withdraws a relying service: its credentials are good no more.',
    answers: { 204: null },
    problems: ['unknown_relying_service', 'declared_in_file'],
  })
  async withdraw(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
  ) {
    await this.added.withdraw(actorOf(operator), id);
  }
}
