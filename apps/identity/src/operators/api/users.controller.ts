import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Accounts } from '../../accounts/accounts.js';
import { emailAddress } from '../../accounts/email-address.js';
import { Described } from '../../openapi/described.js';
import { readPreferredWait } from '../../platform/preferred-wait.js';
import { ROLES } from '../../accounts/roles.js';
import type { Operator } from '../operator.js';
import { CuttingOff } from '../cutting-off.js';
import { answersOf, instant, pageOf, revoking, WAITING } from './answer-schemas.js';
import { ReceiptAnswers } from './receipt-answers.js';
import { CurrentOperator, RequireRole } from '../require-role.js';
import { RoleChanges } from '../role-changes.js';
import { SessionEnding } from '../session-ending.js';
import { numericDate, reason } from './shared-input.js';

const byAddress = z.strictObject({ email: emailAddress });
const byId = z.strictObject({ id: z.uuid() });
const taking = z.strictObject({ role: z.enum(ROLES), reason });
const change = z.strictObject({ reason }).nullish();

const user = z.strictObject({
  id: z.uuid(),
  email: z.string(),
  email_verified: z.boolean(),
  roles: z.array(z.enum(ROLES)),
  created_at: instant,
  disabled_at: instant.nullable(),
  live_sessions: z.int(),
});

@Controller('operator/users')
export class OperatorUsersController {
  constructor(
    private readonly accounts: Accounts,
    private readonly ending: SessionEnding,
    private readonly roles: RoleChanges,
    private readonly cuttingOff: CuttingOff,
    private readonly answers: ReceiptAnswers,
  ) {}

  @Get()
  @RequireRole('read')
  @Described({
    summary: 'The account with an address: a list of one, or an empty one.',
    answers: { 200: pageOf(user) },
  })
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

  @Post(':id/disable')
  @RequireRole('end-sessions')
  @Described({
    summary: 'Disables an account, ends its sessions and revokes its tokens.',
    details: WAITING,
    answers: answersOf(z.strictObject({ id: z.uuid(), sessions: z.int(), ...revoking })),
    problems: ['unknown_account'],
  })
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

  @Post(':id/take-role')
  @RequireRole('end-sessions')
  @Described({
    summary: 'Takes a role away and revokes the tokens that carry it; sessions go on.',
    details: WAITING,
    answers: answersOf(
      z.strictObject({ id: z.uuid(), roles: z.array(z.enum(ROLES)), ...revoking }),
    ),
    problems: ['unknown_account'],
  })
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

  @Post(':id/enable')
  @HttpCode(200)
  @RequireRole('end-sessions')
  @Described({
    summary: 'Lets an account sign in again.',
    answers: { 200: z.strictObject({ id: z.uuid() }) },
    problems: ['unknown_account'],
  })
  async enable(
    @CurrentOperator() operator: Operator,
    @Param({ schema: byId }) { id }: z.infer<typeof byId>,
    @Body({ schema: change }) body: z.infer<typeof change>,
  ) {
    await this.ending.enable(operator, id, { reason: body?.reason });
    return { id };
  }
}
