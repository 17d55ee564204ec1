import type { Command } from 'commander';
import type { StatusJson } from '../operators/api/status-json.js';
import type { CliContext } from './cli-context.js';
import { inFull } from './epoch-in-words.js';
import { OperatorClient } from './operator-client.js';
import { relayInWords } from './relay.command.js';
import { servicesTable } from './services.command.js';
import { instant, table } from './table.js';

export function addStatusCommand(program: Command, context: CliContext): void {
  program
    .command('status')
    .description('Show how identity stands. Needs the role read')
    .action(async () => {
      const client = new OperatorClient(context);
      context.print(await client.get<StatusJson>('/operator/status'), (status) =>
        inWords(client.url, status),
      );
    });
}

function inWords(url: string, status: StatusJson): string {
  const { operator, clocks, revocation, signing_keys: keys, relying_services: services } = status;
  return [
    `identity     ${url}`,
    `you are      ${operator.name} (${operator.roles.join(', ')})`,
    `database     ${instant(clocks.database)}`,
    `revocations  epoch ${String(revocation.epoch)}, head ${String(revocation.head)}, ${String(revocation.feed_readers)} feed reader(s) at this replica`,
    `relay        ${relayInWords(status.relay)}`,
    ...status.closed_epochs.map(
      (closed) =>
        `epoch ${String(closed.epoch)} was closed at ${instant(closed.closed_at)} after ${String(closed.last_seq)} revocation(s): ${inFull(closed)}`,
    ),
    '',
    table(
      ['KEY', 'STATE', 'PREPARED', 'ACTIVATED'],
      keys.map((key) => [key.kid, key.state, instant(key.prepared_at), instant(key.activated_at)]),
    ),
    '',
    servicesTable(services),
    ...status.configuration_faults.map((fault) => `\nconfiguration: ${fault}`),
  ].join('\n');
}
