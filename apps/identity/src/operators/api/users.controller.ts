import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Accounts } from '../../accounts/accounts.js';
import { emailAddress } from '../../accounts/email-address.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import { ROLES } from '../../accounts/roles.js';
import type { Operator } from '../operator.js';
import { CuttingOff } from '../cutting-off.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { RoleChanges } from '../role-changes.js';
import { SessionEnding } from '../session-ending.js';
import { numericDate, reason } from './shared-input.js';

const byAddress = z.strictObject({ email: emailAddress });
const byId = z.strictObject({ id: z.uuid() });
const taking = z.strictObject({ role: z.enum(ROLES), reason });
const change = z.strictObject({ reason }).nullish();

@Controller('operator/users')
export class OperatorUsersController {
  constructor(
    private readonly accounts: Accounts,
    private readonly ending: SessionEnding,
    private readonly roles: RoleChanges,
    private readonly cuttingOff: CuttingOff,
    private readonly answers: ReceiptAnswers,
  ) {}

  /** The account with an address: a list of one, or an empty one. */
  @Get()
  @RequireRole('read')
  async find(@Query({ schema: byAddress }) { email }: z.infer<typeof byAddress>) {
    const account = await this.accounts.findByEmail(email);
    if (!account) return { items: [], next_cursor: null };
    const { reach } = await this.cuttingOff.preview({ kind: 'sub', id: account.id });
    const item = {
      id: account.id,
      email: account.email,
      email_verified: account.emailVerifiedAt !== null,
      roles: account.roles,
      created_at: numericDate(account.createdAt),
      disabled_at: numericDate(account.disabledAt),
      live_sessions: reach.sessions,
    };
    return { items: [item], next_cursor: null };
  }

  /** Disables an account, ends its sessions and revokes its tokens. 200, 202 and `Prefer: wait=2` as for sessions. */
  @Post(':id/disable')
  @RequireRole('end-sessions')
  async disable(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: change }) body: z.infer<typeof change>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wait = readPreferredWait(prefer);
    const how = { reason: body?.reason, receiptWanted: wait !== undefined };
    const { sessions, position } = await this.ending.disable(operator, id, how);
    return { id, sessions, ...(await this.answers.answer(position, wait, reply)) };
  }

  /** Takes a role away and revokes the tokens that carry it; sessions go on. 200, 202 and `Prefer: wait=2` as for sessions. */
  @Post(':id/take-role')
  @RequireRole('end-sessions')
  async takeRole(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: taking }) { role, reason }: z.infer<typeof taking>,
    @Headers('prefer') prefer: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const wait = readPreferredWait(prefer);
    const how = { reason, receiptWanted: wait !== undefined };
    const { roles, position } = await this.roles.take(operator, id, role, how);
    return { id, roles, ...(await this.answers.answer(position, wait, reply)) };
  }

  /** Lets an account sign in again. */
  @Post(':id/enable')
  @HttpCode(200)
  @RequireRole('end-sessions')
  async enable(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: change }) body: z.infer<typeof change>,
  ) {
    await this.ending.enable(operator, id, { reason: body?.reason });
    return { id };
  }
}
