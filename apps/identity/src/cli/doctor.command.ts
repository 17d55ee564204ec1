import type { Command } from 'commander';
import type { PlanJson } from '../operators/api/signing-keys-json.js';
import type { StatusJson } from '../operators/api/status-json.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { diagnose } from './diagnosis.js';
import type { Observed } from './diagnosis.js';
import { OperatorClient } from './operator-client.js';
import { table } from './table.js';

export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .description(
      'Look for what is wrong: clocks, epoch, lag, keys, who is behind, configuration. Exits with 1 when it finds something. Needs the role read',
    )
    .action(async () => {
      const findings = diagnose(await observe(context));
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

async function observe(context: CliContext): Promise<Observed> {
  const client = new OperatorClient(context);
  const readiness = (await (await client.send('GET', '/health/ready')).json()) as {
    status: string;
    missing: string[];
  };
  const before = context.surroundings.now();
  const status = await client.get<StatusJson>('/operator/status');
  const middle = (before + context.surroundings.now()) / 2;
  return {
    status,
    plan: await client.get<PlanJson>('/operator/keys/plan'),
    readiness: { ready: readiness.status === 'ready', missing: readiness.missing },
    skewHere: middle / 1000 - status.clocks.database,
  };
}
