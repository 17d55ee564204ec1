import { jest } from '@jest/globals';
import { Accounts } from '../src/accounts/accounts.js';
import { PasswordHasher } from '../src/credentials/password-hasher.js';
import { SignIn } from '../src/credentials/sign-in.js';
import { RevocationLog } from '../src/revocation/revocation-log.js';
import type { BegunSession } from '../src/sessions/new-sessions.js';
import { KeyRing } from '../src/signing-keys/key-ring.js';
import { startReplica } from './identity-under-test.js';
import type { Replica } from './identity-under-test.js';

export const FROM = { ip: '192.0.2.7', user_agent: 'a test' } as const;
export const PASSWORD = 'correct horse battery';

/** A replica that people sign in to. */
export interface People {
  readonly replica: Replica;
  /** Makes a verified account. @returns its id */
  add(email: string, password?: string): Promise<string>;
  signIn(email: string, password?: string): Promise<BegunSession>;
  query<T>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** `action` and `details` of the rows about an account, oldest first. */
  activity(accountId: string): Promise<{ action: string; personal: unknown; details: unknown }[]>;
}

export async function startPeople(options?: Parameters<typeof startReplica>[0]): Promise<People> {
  const replica = await startReplica(options);
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
  const query = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    replica.database.run((manager) => manager.query<T[]>(sql, parameters));
  return {
    replica,
    query,
    async add(email, password = PASSWORD) {
      const hash = await replica.get(PasswordHasher).hash(password);
      return replica.get(Accounts).addVerified(email, hash, ['customer']);
    },
    signIn: (email, password = PASSWORD) =>
      replica.get(SignIn).withPassword(email, password, {
        clientId: undefined,
        delivery: 'bearer',
        remember: false,
        deviceName: null,
        userAgent: FROM.user_agent,
        ip: FROM.ip,
      }),
    activity: (accountId) =>
      query(`SELECT action, personal, details FROM audit WHERE account_id = $1 ORDER BY id`, [
        accountId,
      ]),
  };
}

/** Runs `act`, and `other` as soon as `act` has compared a password, before it hears of it. */
export function whileComparing<T>(
  { replica }: People,
  other: () => Promise<unknown>,
  act: () => Promise<T>,
): Promise<T> {
  const passwords = replica.get(PasswordHasher);
  const verify = passwords.verify.bind(passwords);
  const spy = jest.spyOn(passwords, 'verify').mockImplementation(async (...given) => {
    spy.mockRestore();
    const matches = await verify(...given);
    await other();
    return matches;
  });
  return act();
}
