import { Option } from 'commander';
import type { Command } from 'commander';
import { REVOCATION_KINDS } from '@countersign/revocation';
import type { RevocationEventJson } from '@countersign/revocation';
import type { ReceiptsJson } from '../operators/api/receipts-json.js';
import type { CliContext } from './cli-context.js';
import { OperatorClient } from './operator-client.js';
import { receiptsTable } from './receipts.js';
import { instant, table } from './table.js';

const ROUTE = '/operator/revocations';

interface Listed {
  readonly items: readonly RevocationEventJson[];
  readonly next_cursor: string | null;
}

export function addRevocationsCommand(program: Command, context: CliContext): void {
  const revocations = program
    .command('revocations')
    .description('Look into the log of revocations. Needs the role read');
  revocations
    .command('list')
    .description('List revocations, the newest first')
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(REVOCATION_KINDS))
    .option('--id <id>', 'only of this token, session, subject, client or key')
    .option('--limit <number>', 'how many, 200 at most', '20')
    .option('--cursor <cursor>', 'go on where a list ended')
    .action(async (query: Record<string, string>) => {
      const listed = await new OperatorClient(context).get<Listed>(ROUTE, query);
      context.print(listed, ({ items, next_cursor: cursor }) =>
        [
          table(
            ['REVOCATION', 'KIND', 'ID', 'CUT-OFF', 'WRITTEN'],
            items.map(({ epoch, seq, kind, id, cutoff, at }) => [
              `${String(epoch)}.${String(seq)}`,
              kind,
              id,
              instant(cutoff ?? null),
              instant(at),
            ]),
          ),
          ...(cursor === null ? [] : [`more: --cursor ${cursor}`]),
        ].join('\n'),
      );
    });
  revocations
    .command('show')
    .description('Show which live instances have applied a revocation, and how long that took')
    .argument('<epoch.seq>', 'as "revoke" and "revocations list" print it')
    .action(async (position: string) => {
      const shown = await new OperatorClient(context).get<ReceiptsJson>(
        `${ROUTE}/${encodeURIComponent(position)}`,
      );
      context.print(shown, ({ status, committed_at: committedAt, instances }) =>
        [
          `revocation ${position} of ${instant(committedAt)}: ${status}`,
          receiptsTable(instances),
        ].join('\n'),
      );
    });
}
