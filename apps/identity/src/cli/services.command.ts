import type { Command } from 'commander';
import type { OperatorRelyingServicesController } from '../operators/api/relying-services.controller.js';
import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { OperatorClient } from './operator-client.js';
import { table } from './table.js';

type Api = OperatorRelyingServicesController;
type Listed = Awaited<ReturnType<Api['list']>>;
type Service = Listed['items'][number];
type Added = Awaited<ReturnType<Api['add']>>;
type NewSecret = Awaited<ReturnType<Api['addSecret']>>;
type Dropped = Awaited<ReturnType<Api['dropOldSecrets']>>;

const ROUTE = '/operator/relying-services';
const HELP = `
To change a secret without an outage: rotate-secret prints a new one and the old one stays valid; give the new one to every
instance; rotate-secret --finish makes the new one the only one. For a service in RELYING_SERVICES_FILE put the printed
SHA-256 into that file and restart identity instead of --finish.

Examples:
  countersign services list
  countersign services add invoices --audience invoices
  countersign services rotate-secret invoices
  countersign services rotate-secret invoices --finish`;

export function addServicesCommand(program: Command, context: CliContext): void {
  const services = program
    .command('services')
    .description('Relying services: who they are, their secrets, who is behind')
    .addHelpText('after', HELP);
  services
    .command('list')
    .description('List the services with their instances. Needs the role read')
    .action(async () => {
      context.print(await new OperatorClient(context).get<Listed>(ROUTE), ({ items }) =>
        servicesTable(items),
      );
    });
  services
    .command('add')
    .description('Add a service and print its secret, which is shown once. Needs the role keys')
    .argument('<id>', 'its client id: lower-case letters, digits and dashes')
    .option('--audience <audience>', 'what it wants to read in the aud of tokens')
    .option('--no-audience', 'for an edge that verifies for others')
    .action(async (id: string, { audience }: { audience?: string | boolean }) => {
      if (audience === undefined || audience === true) {
        throw new CliFailure(
          'usage',
          'invalid_input',
          'say --audience <audience>, or --no-audience',
        );
      }
      const body = { id, audience: audience === false ? null : audience };
      const added = await new OperatorClient(context).post<Added>(ROUTE, body);
      context.print(added, ({ client_secret: secret }) => secret);
      if (!context.json) context.note(`added ${id}. Keep the secret; it is shown once.`);
    });
  services
    .command('rotate-secret')
    .description('Give a service a new secret beside the old one. Needs the role keys')
    .argument('<id>')
    .option('--finish', 'make the newest secret the only one')
    .action(async (id: string, { finish }: { finish?: true }) => {
      const client = new OperatorClient(context);
      const route = `${ROUTE}/${encodeURIComponent(id)}/secrets`;
      if (finish) {
        context.print(await client.delete<Dropped>(`${route}/old`), ({ dropped }) =>
          dropped === 0 ? `${id} had one secret only` : `the old secret of ${id} is void`,
        );
        return;
      }
      const made = await client.post<NewSecret>(route, {});
      context.print(made, ({ client_secret: secret }) => secret);
      if (!context.json) context.note(nextStep(made));
    });
  services
    .command('remove')
    .description('Withdraw a service: its secrets are void. Needs the role keys')
    .argument('<id>')
    .action(async (id: string) => {
      await new OperatorClient(context).delete(`${ROUTE}/${encodeURIComponent(id)}`);
      context.print({ id }, () => `${id} is withdrawn`);
    });
}

function nextStep({ id, source, secret_sha256: digest }: NewSecret): string {
  return source === 'file'
    ? `Both secrets of ${id} are valid. When every instance has this one, put its SHA-256 into the declaration file and restart identity:\n  ${digest}`
    : `Both secrets of ${id} are valid. When every instance has this one: countersign services rotate-secret ${id} --finish`;
}

/** One line for each instance; a service without any has one too. */
export function servicesTable(services: readonly Service[]): string {
  const rows = services.flatMap(({ id, audience, source, instances }) => {
    const service = [id, audience ?? '-', source];
    if (instances.length === 0) return [[...service, '-', 'no instance', '-', '-']];
    return instances.map(({ instance_id: instance, state, applied, lag_seconds: lag }) => [
      ...service,
      instance,
      state,
      applied ? `${String(applied.epoch)}.${String(applied.seq)}` : '-',
      `${lag.toFixed(1)} s`,
    ]);
  });
  return table(['SERVICE', 'AUDIENCE', 'SOURCE', 'INSTANCE', 'STATE', 'APPLIED', 'LAG'], rows);
}
