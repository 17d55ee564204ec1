import type { Command } from 'commander';
import type { StatusJson } from '../operators/api/status-json.js';
import type { CliContext } from './cli-context.js';
import { OperatorClient } from './operator-client.js';

type Relay = StatusJson['relay'];

export function addRelayCommand(program: Command, context: CliContext): void {
  program
    .command('relay')
    .description('How revocations get to Redis')
    .command('status')
    .description('Show who brings them there, and how far. Needs the role read')
    .action(async () => {
      const { relay } = await new OperatorClient(context).get<StatusJson>('/operator/status');
      context.print({ relay }, () => relayInWords(relay));
    });
}

/** The relay in one line, and its trouble in another. */
export function relayInWords(relay: Relay): string {
  if (!relay) return 'not used: this replica has no REDIS_URL, revocations go out by the feed';
  const { leader, written, heartbeat_age_seconds: age } = relay;
  return [
    [
      leader === null
        ? 'NOBODY LEADS'
        : `led by ${leader}${relay.leads_here ? ' (this replica)' : ''}`,
      `term ${String(relay.term)}`,
      `generation ${String(relay.generation)}`,
      `written up to ${written ? `${String(written.epoch)}.${String(written.seq)}` : 'nothing'}`,
      `${String(relay.lag_entries)} to go`,
      `last heartbeat ${age === null ? 'never' : `${age.toFixed(1)} s ago`}`,
    ].join(', '),
    ...(relay.last_error === null ? [] : [`             last error: ${relay.last_error}`]),
  ].join('\n');
}
