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
import { DomainError } from '../../platform/domain-error.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import { ClientOverviews } from '../client-overview.js';
import type { ClientOverview } from '../client-overview.js';
import type { Operator } from '../operator.js';
import { RegisteredClients } from '../registered-clients.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { numericDate, reason } from './shared-input.js';

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

@Controller('operator/clients')
export class OperatorClientsController {
  constructor(
    private readonly overviews: ClientOverviews,
    private readonly clients: RegisteredClients,
    private readonly answers: ReceiptAnswers,
  ) {}

  @Get()
  @RequireRole('read')
  async list() {
    return { items: (await this.overviews.list()).map(clientJson), next_cursor: null };
  }

  @Get(':id')
  @RequireRole('read')
  show(@Param({ schema: byId }) { id }: z.infer<typeof byId>) {
    return this.#show(id);
  }

  /** Registers one. The secret of a confidential client is in the answer and nowhere else. */
  @Post()
  @RequireRole('keys')
  async add(
    @CurrentOperator() operator: Operator,
    @Body({ schema: addition }) body: z.infer<typeof addition>,
  ) {
    const made = await this.clients.add(operator, body);
    return { ...(await this.#show(body.id)), client_secret: made?.secret ?? null };
  }

  /**
   * Sets the whole list of audiences, of scopes, or both. When something is taken away its tokens are revoked: `revocation`
   * tells how far that has come, 200, 202 and `Prefer: wait=2` as for sessions.
   */
  @Patch(':id')
  @RequireRole('keys')
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

  /** Gives it another secret; the one before stays valid too. */
  @Post(':id/secrets')
  @RequireRole('keys')
  async addSecret(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: nothing }) _body: z.infer<typeof nothing>,
  ) {
    const { secret, sha256 } = await this.clients.addSecret(operator, id);
    return { id, client_secret: secret, secret_sha256: sha256 };
  }

  /** Makes the newest secret the only one. */
  @Delete(':id/secrets/old')
  @RequireRole('keys')
  async dropOldSecrets(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
  ) {
    return { id, dropped: await this.clients.dropOldSecrets(operator, id) };
  }

  /** Stops it from getting tokens, and revokes those it has. 200, 202 and `Prefer: wait=2` as for sessions. */
  @Post(':id/disable')
  @RequireRole('end-sessions')
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

  /** Lets it have tokens again. */
  @Post(':id/enable')
  @HttpCode(200)
  @RequireRole('end-sessions')
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

function clientJson(client: ClientOverview) {
  return {
    id: client.id,
    kind: client.kind,
    audiences: client.audiences,
    scopes: client.scopes,
    created_at: numericDate(client.createdAt),
    disabled_at: numericDate(client.disabledAt),
    secrets_added_at: client.secretsAddedAt.map(numericDate),
    unclaimed_audiences: client.unclaimedAudiences,
  };
}
