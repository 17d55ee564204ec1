import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { formatHead, parseHead } from '../audit/audit-chain.js';
import type { AuditHead } from '../audit/audit-chain.js';
import type { AuditVerdict } from '../audit/audit-verification.js';
import type { OperatorAuditController } from '../operators/api/audit.controller.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { accountIdOf } from './find-account.js';
import { parseInstant } from './instant-option.js';
import { OperatorClient } from './operator-client.js';
import { instant, table } from './table.js';

type Listed = Awaited<ReturnType<OperatorAuditController['list']>>;

/** Between two lines that say how far a walk has come, milliseconds. */
const PROGRESS_EVERY_MS = 2_000;

const HELP = `
verify goes straight to the database, and needs DATABASE_URL and MASTER_KEY_FILE of the service. It finds rows that were changed, removed,
inserted or moved once they were sealed. That the last rows were cut off together with the head is seen only with --head: identity logs
the head every minute ("head of the audit log"). Exits with 0 when all is as it was sealed, with 1 when it is not.

Examples:
  countersign audit list --action sign_in.fail --since 2026-03-01T12:00:00Z
  countersign audit list --account ann@example.com --json
  countersign audit verify
  countersign audit verify --head 1200:<digest>`;

interface ListGiven {
  readonly account?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly since?: number;
  readonly limit: string;
  readonly cursor?: string;
}

export function addAuditCommand(program: Command, context: CliContext): void {
  const audit = program
    .command('audit')
    .description('Who did what, and whether the record of it is whole')
    .addHelpText('after', HELP);
  audit
    .command('list')
    .description('List what was done, the newest first. Needs the role read')
    .option('--account <account>', 'only what concerns this one: an e-mail address, or the id')
    .option('--actor <actor>', 'only what this one did: operator:<name>, account:<id>, console …')
    .option('--action <action>', 'only this, as the list names it')
    .option('--since <instant>', 'only from then on', parseInstant)
    .option('--limit <number>', 'how many, 200 at most', '20')
    .option('--cursor <cursor>', 'go on where a list ended')
    .action(async ({ account, since, ...given }: ListGiven) => {
      const client = new OperatorClient(context);
      const accountId = account === undefined ? undefined : await accountIdOf(client, account);
      const listed = await client.get<Listed>('/operator/audit', {
        ...given,
        ...(accountId === undefined ? {} : { account_id: accountId }),
        ...(since === undefined ? {} : { since: String(since) }),
      });
      context.print(listed, listInWords);
    });
  audit
    .command('verify')
    .description(
      'Find rows that were changed, removed or moved. Needs DATABASE_URL, MASTER_KEY_FILE',
    )
    .option('--head <position:digest>', 'a head that identity has logged', headOption)
    .action(({ head }: { head?: AuditHead }) => verify(context, head));
}

async function verify(context: CliContext, noted: AuditHead | undefined): Promise<void> {
  const { env, now } = context.surroundings;
  let saidAt: number | undefined;
  const onProgress = (done: number, total: number) => {
    saidAt ??= now();
    if (done >= total || now() - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = now();
    context.note(`checked ${String(done)} of ${String(total)} rows`);
  };
  const { verifyAudit } = await import('./open-identity.js');
  const verdict = await verifyAudit(env, { noted, onProgress });
  context.print(verdictJson(verdict), () => verdictInWords(verdict, noted));
  if (verdict.faultCount > 0) {
    throw new CliFailure('wrong', 'audit_log_changed', 'the audit log is not as it was sealed');
  }
}

function verdictJson({ head, rows, erased, unsealed, faults, faultCount }: AuditVerdict) {
  const oldest = unsealed.oldestAt;
  return {
    intact: faultCount === 0,
    head: formatHead(head),
    rows,
    erased,
    unsealed: { rows: unsealed.rows, oldest_at: oldest && oldest.getTime() / 1000 },
    fault_count: faultCount,
    faults,
  };
}

function verdictInWords(verdict: AuditVerdict, noted: AuditHead | undefined): string {
  const { head, rows, erased, unsealed, faults, faultCount } = verdict;
  const oldest = unsealed.oldestAt && unsealed.oldestAt.getTime() / 1000;
  return [
    ...faults.map(
      ({ kind, position, id, detail }) =>
        `FAULT at ${String(position)}${id === null ? '' : ` (row ${id})`}: ${kind}: ${detail}`,
    ),
    ...(faultCount > faults.length ? [`… and ${String(faultCount - faults.length)} more`] : []),
    `${String(rows)} sealed row(s) checked, ${String(faultCount)} fault(s)`,
    ...(noted && faultCount === 0 ? [`it contains the head ${formatHead(noted)}`] : []),
    ...(erased > 0 ? [`${String(erased)} row(s) had what is personal erased, on record`] : []),
    unsealed.rows === 0
      ? 'no row waits to be sealed'
      : `${String(unsealed.rows)} row(s) are not sealed yet, the oldest of ${instant(oldest)}: nothing can be said of them`,
    `head ${formatHead(head)}`,
  ].join('\n');
}

function listInWords({ items, next_cursor: cursor }: Listed): string {
  return [
    table(
      ['AT', 'ACTOR', 'ACTION', 'TARGET', 'DETAILS'],
      items.map(({ at, actor, action, target, details }) => [
        instant(at),
        actor,
        action,
        target ?? '-',
        JSON.stringify(details),
      ]),
    ),
    ...(cursor === null ? [] : [`more: --cursor ${cursor}`]),
  ].join('\n');
}

function headOption(text: string): AuditHead {
  const head = parseHead(text);
  if (!head) throw new InvalidArgumentError('a head is <position>:<digest>, as identity logs it.');
  return head;
}
