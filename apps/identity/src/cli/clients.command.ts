import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { OperatorClientsController } from '../operators/api/clients.controller.js';
import type { ReceiptsJson } from '../operators/api/receipts-json.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { confirm } from './confirm.js';
import { OperatorClient } from './operator-client.js';
import { progressOf } from './receipts.js';
import { instant, table } from './table.js';

type Api = OperatorClientsController;
type Listed = Awaited<ReturnType<Api['list']>>;
type Client = Awaited<ReturnType<Api['show']>>;
type Added = Awaited<ReturnType<Api['add']>>;
type Changed = Client & { revocation: Revocation | null; instances?: ReceiptsJson['instances'] };
type NewSecret = Awaited<ReturnType<Api['addSecret']>>;
type Dropped = Awaited<ReturnType<Api['dropOldSecrets']>>;
type Disabled = Awaited<ReturnType<Api['disable']>>;
type Revocation = Disabled['revocation'];

interface Grants {
  readonly audience?: readonly string[];
  readonly scope?: readonly string[];
}
interface ChangeOptions extends Grants {
  readonly dryRun?: true;
  readonly yes?: true;
  readonly reason?: string;
}

const ROUTE = '/operator/clients';
const HELP = `
A client is what a token is issued to. A confidential one is a service that acts for itself: with its id and secret it gets
tokens at /oauth/token, for its audiences and with its scopes. A public one is an app that people sign in through; their
scopes come from their roles. Lists are given whole, with spaces or commas between.

To change a secret without an outage: rotate-secret prints a new one and the old one stays valid; give the new one to every
instance; rotate-secret --finish makes the new one the only one. When a secret was stolen, finish first, then kill the tokens
that were got with it: countersign revoke client <id>.

Examples:
  countersign clients list
  countersign clients add billing --audience orders,payments --scope orders:read,payments:write
  countersign clients change billing --scope orders:read --dry-run
  countersign clients rotate-secret billing
  countersign clients disable billing --reason "incident 17"`;

export function addClientsCommand(program: Command, context: CliContext): void {
  const clients = program
    .command('clients')
    .description('Clients: the services and apps that tokens are issued to')
    .addHelpText('after', HELP);
  clients
    .command('list')
    .description('List the clients. Needs the role read')
    .action(async () => {
      context.print(await new OperatorClient(context).get<Listed>(ROUTE), ({ items }) =>
        clientsTable(items),
      );
    });
  clients
    .command('show')
    .description('Show one client. Needs the role read')
    .argument('<id>')
    .action(async (id: string) => {
      context.print(await new OperatorClient(context).get<Client>(routeOf(id)), inWords);
    });
  clients
    .command('add')
    .description('Register a client and print its secret, which is shown once. Needs the role keys')
    .argument('<id>', 'lower-case letters, digits and dashes')
    .requiredOption('--audience <list>', 'the services that its tokens are for', listOf)
    .option('--scope <list>', 'what it may ask for; none when left out', listOf)
    .option('--public', 'an app that people sign in through: no secret, no scopes of its own')
    .action(
      async (id: string, { audience, scope = [], ...options }: Grants & { public?: true }) => {
        const kind = options.public ? 'public' : 'confidential';
        const body = { id, kind, audiences: audience, scopes: scope };
        const added = await new OperatorClient(context).post<Added>(ROUTE, body);
        context.print(added, ({ client_secret: secret }) => secret ?? inWords(added));
        if (context.json) return;
        noteUnclaimed(context, added);
        context.note(
          added.client_secret === null
            ? `added ${id}`
            : `added ${id}. Keep the secret; it is shown once.`,
        );
      },
    );
  clients
    .command('change')
    .description(
      'Set the audiences or scopes of a client. If it loses something, its tokens die at once: asks before. Needs the role keys, and read unless --yes is said',
    )
    .argument('<id>')
    .option('--audience <list>', 'all that it is to have', listOf)
    .option('--scope <list>', 'all that it is to have; "" for none', listOf)
    .option('--dry-run', 'say what it would gain and lose, and change nothing; not whether it may')
    .option('--yes', 'do not ask, though it loses something')
    .option('--reason <text>', 'for the audit log')
    .action((id: string, options: ChangeOptions) => change(context, id, options));
  clients
    .command('rotate-secret')
    .description('Give a client a new secret beside the old one. Needs the role keys')
    .argument('<id>')
    .option('--finish', 'make the newest secret the only one')
    .action(async (id: string, { finish }: { finish?: true }) => {
      const client = new OperatorClient(context);
      if (finish) {
        context.print(await client.delete<Dropped>(`${routeOf(id)}/secrets/old`), ({ dropped }) =>
          dropped === 0 ? `${id} had one secret only` : `the old secret of ${id} is void`,
        );
        return;
      }
      const made = await client.post<NewSecret>(`${routeOf(id)}/secrets`, {});
      context.print(made, ({ client_secret: secret }) => secret);
      if (!context.json) {
        context.note(
          `Both secrets of ${id} are valid. When every instance has this one: countersign clients rotate-secret ${id} --finish`,
        );
      }
    });
  clients
    .command('disable')
    .description(
      'Give a client no tokens any more, and revoke those it has. Needs the role end-sessions',
    )
    .argument('<id>')
    .option('--reason <text>', 'for the audit log')
    .action(async (id: string, body: { reason?: string }) => {
      const done = await new OperatorClient(context).post<Disabled>(`${routeOf(id)}/disable`, body);
      context.print(done, (answer) => `disabled ${id}\n${progressOf(answer)}`);
    });
  clients
    .command('enable')
    .description('Let a client have tokens again; those that were revoked stay dead')
    .argument('<id>')
    .option('--reason <text>', 'for the audit log')
    .action(async (id: string, body: { reason?: string }) => {
      const done = await new OperatorClient(context).post<{ id: string }>(
        `${routeOf(id)}/enable`,
        body,
      );
      context.print(done, () => `${id} may have tokens again`);
    });
}

async function change(
  context: CliContext,
  id: string,
  { dryRun, yes, reason, ...grants }: ChangeOptions,
): Promise<void> {
  const { audience, scope } = grants;
  if (audience === undefined && scope === undefined) {
    throw new CliFailure('usage', 'invalid_input', 'say --audience <list>, --scope <list> or both');
  }
  const client = new OperatorClient(context);
  if (dryRun || !yes) {
    const difference = differenceOf(await client.get<Client>(routeOf(id)), grants);
    const { gains, loses } = difference;
    const lost = grantsInWords(loses);
    if (dryRun) {
      context.print({ dry_run: true, id, ...difference }, () =>
        [
          `would gain   ${grantsInWords(gains) || '-'}`,
          `would lose   ${lost || '-'}`,
          `${lost ? 'its tokens would be revoked' : 'its tokens would live on'}; nothing was changed`,
        ].join('\n'),
      );
      return;
    }
    if (lost) await confirm(context, `Take from ${id}: ${lost}, and revoke its tokens?`);
  }
  const body = {
    ...(audience && { audiences: audience }),
    ...(scope && { scopes: scope }),
    ...(reason === undefined ? {} : { reason }),
  };
  const changed = await client.patch<Changed>(routeOf(id), body);
  context.print(changed, ({ revocation, instances }) =>
    [
      inWords(changed),
      revocation
        ? `its tokens are revoked\n${progressOf({ revocation, ...(instances && { instances }) })}`
        : 'it has lost nothing: its tokens live on',
    ].join('\n'),
  );
  if (!context.json) noteUnclaimed(context, changed);
}

interface Granted {
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
}

/** By what a client is to have differs from what it has. */
function differenceOf(
  { audiences, scopes }: Client,
  { audience = audiences, scope = scopes }: Grants,
): { readonly gains: Granted; readonly loses: Granted } {
  const without = (some: readonly string[], others: readonly string[]) =>
    some.filter((one) => !others.includes(one));
  return {
    gains: { audiences: without(audience, audiences), scopes: without(scope, scopes) },
    loses: { audiences: without(audiences, audience), scopes: without(scopes, scope) },
  };
}

/** Empty when there is nothing. */
function grantsInWords({ audiences, scopes }: Granted): string {
  return [
    ...(audiences.length > 0 ? [`audiences ${audiences.join(' ')}`] : []),
    ...(scopes.length > 0 ? [`scopes ${scopes.join(' ')}`] : []),
  ].join(', ');
}

const routeOf = (id: string) => `${ROUTE}/${encodeURIComponent(id)}`;

/** `a,b c` as a list; text without anything in it as an empty one. */
function listOf(text: string): string[] {
  const items = text.split(/[\s,]+/).filter((item) => item !== '');
  if (items.length > 50) throw new InvalidArgumentError('too many');
  return items;
}

/** A misspelt audience is no error: a service may come later. */
function noteUnclaimed(context: CliContext, { unclaimed_audiences: unclaimed }: Client): void {
  if (unclaimed.length > 0) {
    context.note(`no relying service has the audience ${unclaimed.join(', ')} (yet)`);
  }
}

function clientsTable(clients: readonly Client[]): string {
  return table(
    ['CLIENT', 'KIND', 'AUDIENCES', 'SCOPES', 'SECRETS', 'DISABLED'],
    clients.map((client) => [
      client.id,
      client.kind,
      client.audiences.join(' '),
      client.scopes.join(' ') || '-',
      String(client.secrets_added_at.length),
      instant(client.disabled_at),
    ]),
  );
}

function inWords(client: Client): string {
  return [
    `id         ${client.id} (${client.kind})`,
    `audiences  ${client.audiences.join(' ')}`,
    `scopes     ${client.scopes.join(' ') || '-'}`,
    `since      ${instant(client.created_at)}`,
    `disabled   ${instant(client.disabled_at)}`,
    `secrets    ${client.secrets_added_at.map(instant).join(', ') || '-'}`,
  ].join('\n');
}
