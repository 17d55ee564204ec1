import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { CommandResult } from './run-command.js';
import { StartFailure } from './start-failure.js';
import { keepOnce, readIfThere, replace } from './state-folder.js';

export interface DemoAccount {
  readonly email: string;
  readonly password: string;
}

/** The content of demo.json. */
export interface DemoAccounts {
  readonly customer: DemoAccount;
  readonly support: DemoAccount;
}

type AddAccount = (
  email: string,
  role: keyof DemoAccounts,
  password: string,
) => Promise<CommandResult>;

export function newDemoAccounts(): DemoAccounts {
  const account = (name: string): DemoAccount => ({
    email: `${name}@example.test`,
    password: randomBytes(18).toString('base64url'),
  });
  return { customer: account('customer'), support: account('support') };
}

/**
 * Makes sure that the demo accounts exist in the database with identity `dataId`: once, and again after its data was
 * made anew. Their passwords are generated once, before the accounts are made, so that an interrupted start can be
 * repeated.
 */
export async function ensureDemoAccounts(
  statePath: string,
  dataId: string,
  add: AddAccount,
): Promise<void> {
  const file = join(statePath, 'demo.json');
  const marker = join(statePath, 'demo-accounts-made-in');
  const passwordsAreOld = (await readIfThere(file)) !== undefined;
  if (passwordsAreOld && (await readIfThere(marker))?.trim() === dataId) return;
  const text = await keepOnce(file, () => `${JSON.stringify(newDemoAccounts(), null, 2)}\n`);
  const accounts = JSON.parse(text) as DemoAccounts;
  for (const role of ['customer', 'support'] as const) {
    const { email, password } = accounts[role];
    const { code, output } = await add(email, role, password);
    const existsAlready = output.includes('exists already');
    if (code === 0 || (existsAlready && passwordsAreOld)) continue;
    throw new StartFailure(
      existsAlready
        ? `There is an account ${email} in the database, but ${file} with its password was lost. ` +
            'Delete the state folder to start empty, or put that file back.'
        : `The account ${email} could not be made: ${output}`,
    );
  }
  await replace(marker, `${dataId}\n`);
}
