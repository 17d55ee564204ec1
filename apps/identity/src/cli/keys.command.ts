import type { Command } from 'commander';
import type { OperatorSigningKeysController } from '../operators/api/signing-keys.controller.js';
import type { KeyJson, PlanJson, StepJson } from '../operators/api/signing-keys-json.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { confirm } from './confirm.js';
import { OperatorClient } from './operator-client.js';
import { addKeysImportCommand } from './keys-import.command.js';
import { progressOf, receiptsTable } from './receipts.js';
import { instant, table } from './table.js';

type Api = OperatorSigningKeysController;
type Listed = Awaited<ReturnType<Api['list']>>;
type Rotated = Awaited<ReturnType<Api['rotate']>>;
type Revoked = Awaited<ReturnType<Api['revoke']>>;

const ROUTE = '/operator/keys';
const HELP = `
Keys rotate by themselves. A key is prepared (published), then it signs, then it is retired (published while its tokens live), then
purged. The next key signs once it has been published for long enough and every live instance of every service has reported it.
A key whose name begins with a dash comes last, after --.

Examples:
  countersign keys plan
  countersign keys rotate --dry-run
  countersign keys rotate --reason "yearly drill"
  countersign keys revoke <kid> --reason "found in a log"
  countersign keys revoke --reason "found in a log" -- -<kid>`;

export function addKeysCommand(program: Command, context: CliContext): void {
  const keys = program
    .command('keys')
    .description('Signing keys: see them, rotate them, revoke a stolen one')
    .addHelpText('after', HELP);
  keys
    .command('list')
    .description('List the published and the revoked keys. Needs the role read')
    .action(async () => {
      context.print(await new OperatorClient(context).get<Listed>(ROUTE), ({ items }) =>
        keysTable(items),
      );
    });
  keys
    .command('plan')
    .description(
      'Say what is to be done next, and who is behind. Changes nothing; needs the role read',
    )
    .action(async () => {
      context.print(await new OperatorClient(context).get<PlanJson>(`${ROUTE}/plan`), planInWords);
    });
  keys
    .command('rotate')
    .description('Let the next key sign, as soon as it may. Needs the role keys')
    .option('--force', 'at once: tokens may meet instances that do not know the key yet')
    .option('--dry-run', 'say what would be done and who is behind, and change nothing')
    .option('--yes', 'do not ask')
    .option('--reason <text>', 'for the audit log')
    .action((options: RotateOptions) => rotate(context, options));
  keys
    .command('purge')
    .description(
      'Take a retired key out of the JWKS, if none of its tokens lives. Needs the role keys',
    )
    .argument('<kid>')
    .action(async (kid: string) => {
      await new OperatorClient(context).post(`${ROUTE}/${encodeURIComponent(kid)}/purge`, {});
      context.print({ kid }, () => `${kid} is purged`);
    });
  addKeysImportCommand(keys, context);
  keys
    .command('revoke')
    .description('Withdraw a key at once, with every token that it signed. Needs the role keys')
    .argument('<kid>')
    .requiredOption('--reason <text>', 'for the audit log')
    .option('--fresh', 'let a new key sign, not the prepared one: for when that may be stolen too')
    .option('--yes', 'do not ask')
    .action((kid: string, options: RevokeOptions) => revoke(context, kid, options));
}

interface RotateOptions {
  readonly force?: true;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly reason?: string;
}

async function rotate(
  context: CliContext,
  { force, dryRun, yes, reason }: RotateOptions,
): Promise<void> {
  const client = new OperatorClient(context);
  const order = { force: force ?? false, ...(reason === undefined ? {} : { reason }) };
  if (dryRun || !yes) {
    const preview = await client.post<Rotated>(`${ROUTE}/rotate`, { ...order, dry_run: true });
    if (dryRun) {
      context.print(preview, ({ plan }) => `${planInWords(plan)}\nnothing was changed`);
      return;
    }
    context.note(planInWords(preview.plan));
    await confirm(context, 'Rotate?');
  }
  context.print(await client.post<Rotated>(`${ROUTE}/rotate`, order), ({ applied, plan }) =>
    [...applied.map((step) => `done: ${stepInWords(step)}`), planInWords(plan)].join('\n'),
  );
}

interface RevokeOptions {
  readonly reason: string;
  readonly fresh?: true;
  readonly yes?: true;
}

async function revoke(
  context: CliContext,
  kid: string,
  { reason, fresh, yes }: RevokeOptions,
): Promise<void> {
  const client = new OperatorClient(context);
  if (!yes) {
    await confirm(context, `Revoke ${kid}, for ever, with every token that it signed?`);
  }
  const route = `${ROUTE}/${encodeURIComponent(kid)}/revoke`;
  const revoked = await client.post<Revoked>(route, { reason, fresh: fresh ?? false });
  context.print(revoked, (done) =>
    [
      `revoked ${kid}; ${done.signs} signs`,
      progressOf(done),
      ...(done.instances ? [receiptsTable(done.instances)] : []),
    ].join('\n'),
  );
  if (revoked.revocation.status !== 'applied') {
    throw new CliFailure(
      'wrong',
      'receipts_missing',
      'the key is revoked, but not every live instance has said yet that it knows',
    );
  }
}

function keysTable(keys: readonly KeyJson[]): string {
  return table(
    ['KEY', 'STATE', 'PREPARED', 'ACTIVATED', 'RETIRED', 'TOKENS UNTIL', 'REVOKED'],
    keys.map((key) => [
      key.kid,
      key.state,
      instant(key.prepared_at),
      instant(key.activated_at),
      instant(key.retired_at),
      instant(key.tokens_until),
      instant(key.ended_at),
    ]),
  );
}

/** What is to be done, what is waited for, and for whom. */
function planInWords({ steps, waiting }: PlanJson): string {
  const lines = steps.map((step) => `to do: ${stepInWords(step)}`);
  if (waiting) {
    const { kid, until, overdue } = waiting;
    const what = {
      room: `${kid} waits until a retired key is purged, at ${instant(until)}: services take no more keys at a time`,
      calendar: `${kid} signs from ${instant(until)}`,
      publication: `${kid} must be published until ${instant(until)} before it signs`,
      reports: `${kid} waits until every instance has reported it${overdue ? '; PAST THE DEADLINE' : `, or ${instant(until)}`}`,
    } as const;
    lines.push(what[waiting.for]);
    if (waiting.for === 'reports' && waiting.behind.length === 0) {
      lines.push(
        '  it is not known who is live: right after an outage instances need a while to report',
      );
    }
    lines.push(...waiting.behind.map((one) => `  behind: ${behindInWords(one)}`));
  }
  return lines.join('\n');
}

function stepInWords(step: StepJson): string {
  if (step.do === 'add') return `make a key (${step.as})`;
  if (step.do === 'purge') return `purge ${step.kid}`;
  const despite = step.despite.map((one) => `\n  in spite of ${behindInWords(one)}`);
  return `${step.kid} signs${step.retires === null ? '' : `, ${step.retires} retires`}${despite.join('')}`;
}

function behindInWords(one: { service: string; instance_id: string; silent: boolean }): string {
  return `${one.service} ${one.instance_id}${one.silent ? ' (silent)' : ''}`;
}
