import { emailAddress } from '../accounts/email-address.js';
import type { OperatorUsersController } from '../operators/api/users.controller.js';
import { CliFailure } from './cli-failure.js';
import type { OperatorClient } from './operator-client.js';

type Found = Awaited<ReturnType<OperatorUsersController['find']>>;
export type FoundAccount = Found['items'][number];

/** @throws {CliFailure} `unknown_account`; `invalid_input` for what is no address */
export async function findAccount(client: OperatorClient, address: string): Promise<FoundAccount> {
  const email = emailAddress.safeParse(address);
  if (!email.success) {
    throw new CliFailure('usage', 'invalid_input', `${address} is not an e-mail address`);
  }
  const found = await client.get<Found>('/operator/users', { email: email.data });
  const [account] = found.items;
  if (!account) throw new CliFailure('refused', 'unknown_account', 'no account has this address');
  return account;
}

/** The id of the account with this address; what has no `@` is an id. @throws {CliFailure} as {@link findAccount} */
export async function accountIdOf(client: OperatorClient, idOrAddress: string): Promise<string> {
  return idOrAddress.includes('@') ? (await findAccount(client, idOrAddress)).id : idOrAddress;
}
