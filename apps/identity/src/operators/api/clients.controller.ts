import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Res,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { clientAudiences, clientId, clientScopes } from '../../access-tokens/client-rules.js';
import { Described } from '../../openapi/described.js';
import { DomainError } from '../../platform/domain-error.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import { ClientOverviews } from '../client-overview.js';
import type { Operator } from '../operator.js';
import { RegisteredClients } from '../registered-clients.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { answersOf, pageOf, revoking, WAITING } from './answer-schemas.js';
import { clientAnswer, clientJson } from './client-json.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { droppedSecrets, madeSecret } from './secret-answers.js';
import { reason } from './shared-input.js';

const addition = z.strictObject({
  id: clientId,
  /** `public`: people sign in through it. */
  kind: z.enum(['public', 'confidential']).default('confidential'),
  audiences: clientAudiences,
  scopes: clientScopes.default([]),
});
const change = z.strictObject({
  audiences: clientAudiences.optional(),
  scopes: clientScopes.optional(),
  reason,
});
const byId = z.strictObject({ id: clientId });
const nothing = z.strictObject({}).nullish();
const because = z.strictObject({ reason }).nullish();

const added = clientAnswer.extend({
  client_secret: z.string().nullable().describe('Shown only here; `null` for a public client'),
});
/** `null` when nothing was taken away. */
const changed = clientAnswer.extend({ ...revoking, revocation: revoking.revocation.nullable() });

@Controller('operator/clients')
export class OperatorClientsController {
  constructor(
    private readonly overviews: ClientOverviews,
    private readonly clients: RegisteredClients,
    private readonly answers: ReceiptAnswers,
  ) {}

  @Get()
  @RequireRole('read')
  @Described({ summary: 'Every client, by id.', answers: { 200: pageOf(clientAnswer) } })
  async list() {
    return { items: (await this.overviews.list()).map(clientJson), next_cursor: null };
  }

  @Get(':id')
  @RequireRole('read')
  @Described({
    summary: 'One client.',
    answers: { 200: clientAnswer },
    problems: ['no_such_client'],
  })
  show(@Param({ schema: byId }) { id }: z.infer<typeof byId>) {
    return this.#show(id);
  }

  @Post()
  @RequireRole('keys')
  @Described({
    summary: 'Registers a client.',
    details: 'The secret of a confidential client is in the answer and nowhere else.',
    answers: { 201: added },
    problems: ['client_exists', 'audience_not_allowed', 'public_client'],
  })
  async add(
    @CurrentOperator() operator: Operator,
    @Body({ schema: addition }) body: z.infer<typeof addition>,
  ) {
    const made = await this.clients.add(operator, body);
    return { ...(await this.#show(body.id)), client_secret: made?.secret ?? null };
  }

  @Patch(':id')
  @RequireRole('keys')
  @Described({
    summary: 'Sets the whole list of audiences, of scopes, or both.',
    details: `When something is taken away its tokens are revoked: \`revocation\` tells how far that has come. ${WAITING}`,
    answers: answersOf(changed),
    problems: ['no_such_client', 'audience_not_allowed', 'public_client'],
  })
  async change(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: change }) { reason, ...grants }: z.infer<typeof change>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wait = readPreferredWait(prefer);
    const how = { reason, receiptWanted: wait !== undefined };
    const position = await this.clients.change(operator, id, grants, how);
    const shown = await this.#show(id);
    if (!position) return { ...shown, revocation: null };
    return { ...shown, ...(await this.answers.answer(position, wait, reply)) };
  }

  @Post(':id/secrets')
  @RequireRole('keys')
  @Described({
    summary: 'Gives a client another secret; the one before stays valid too.',
    answers: { 201: madeSecret },
    problems: ['no_such_client', 'public_client', 'rotation_in_progress'],
  })
  async addSecret(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
  ) {
    const { secret, sha256 } = await this.clients.addSecret(operator, id);
    return { id, client_secret: secret, secret_sha256: sha256 };
  }

  @Delete(':id/secrets/old')
  @RequireRole('keys')
  @Described({
    summary: 'Makes the newest secret of a client the only one.',
    answers: { 200: droppedSecrets },
    problems: ['no_such_client', 'public_client'],
  })
  async dropOldSecrets(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
  ) {
    return { id, dropped: await this.clients.dropOldSecrets(operator, id) };
  }

  @Post(':id/disable')
  @RequireRole('end-sessions')
  @Described({
    summary: 'Stops a client from getting tokens, and revokes those it has.',
    details: WAITING,
    answers: answersOf(z.strictObject({ id: z.string(), ...revoking })),
    problems: ['no_such_client', 'default_client'],
  })
  async disable(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: because }) body: z.infer<typeof because>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wait = readPreferredWait(prefer);
    const how = { reason: body?.reason, receiptWanted: wait !== undefined };
    const position = await this.clients.disable(operator, id, how);
    return { id, ...(await this.answers.answer(position, wait, reply)) };
  }

  @Post(':id/enable')
  @HttpCode(200)
  @RequireRole('end-sessions')
  @Described({
    summary: 'Lets a client have tokens again.',
    answers: { 200: z.strictObject({ id: z.string() }) },
    problems: ['no_such_client'],
  })
  async enable(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: because }) body: z.infer<typeof because>,
  ) {
    await this.clients.enable(operator, id, { reason: body?.reason });
    return { id };
  }

  async #show(id: string) {
    const [client] = await this.overviews.list(id);
    if (!client) throw new DomainError('no_such_client');
    return clientJson(client);
  }
}
