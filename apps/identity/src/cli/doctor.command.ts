import type { Command } from 'commander';
import type { PlanJson } from '../operators/api/signing-keys-json.js';
import type { StatusJson } from '../operators/api/status-json.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { diagnose, diagnoseWithoutDatabase } from './diagnosis.js';
import type { Finding } from './finding.js';
import { OperatorClient } from './operator-client.js';
import { table } from './table.js';

export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description(
      'Look for what is wrong: clocks, epoch, lag, keys, who is behind, configuration. Exits with 1 when it finds something. Needs the role read',
    )
    .action(async () => {
      const findings = await examine(context);
      const wrong = findings.filter(({ verdict }) => verdict === 'wrong').length;
      context.print({ healthy: wrong === 0, findings }, () =>
        table(
          ['VERDICT', 'CHECK', 'DETAIL'],
          findings.map(({ verdict, check, detail }) => [
            verdict === 'wrong' ? 'WRONG' : verdict,
            check,
            detail,
          ]),
        ),
      );
      if (wrong > 0) {
        throw new CliFailure('wrong', 'unhealthy', `${String(wrong)} thing(s) wrong`);
      }
    });
}

async function examine(context: CliContext): Promise<Finding[]> {
  const client = new OperatorClient(context);
  const { status: said, missing } = (await (await client.send('GET', '/health/ready')).json()) as {
    status: string;
    missing: string[];
  };
  const readiness = { ready: said === 'ready', missing };
  try {
    const before = context.surroundings.now();
    const status = await client.get<StatusJson>('/operator/status');
    const middle = (before + context.surroundings.now()) / 2;
    return diagnose({
      status,
      plan: await client.get<PlanJson>('/operator/keys/plan'),
      readiness,
      skewHere: middle / 1000 - status.clocks.database,
    });
  } catch (error) {
    // Whoever asks cannot be known either: their token is in the database.
    if (!(error instanceof CliFailure) || error.code !== 'database_unavailable') throw error;
    return diagnoseWithoutDatabase(readiness);
  }
}
