import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { Accounts } from '../accounts/accounts.js';
import { accountActor, AuditLog } from './audit-log.js';

let replica: Replica;
let audit: AuditLog;
beforeAll(async () => {
  replica = await startReplica();
  audit = replica.get(AuditLog);
});
afterAll(stopReplicas);

const add = (name: string) =>
  replica.get(Accounts).addVerified(`${name}@example.test`, 'unused', ['customer']);
const signIn = (accountId: string) => ({
  actor: accountActor(accountId),
  action: 'sign_in' as const,
  target: accountId,
  accountId,
  personal: { ip: '192.0.2.7', user_agent: 'a browser' },
});

it('what is personal about an account is erased, with a row that says so; of others nothing is', async () => {
  const [ann, bob] = [await add('ann'), await add('bob')];
  const erased = await replica.database.transaction(async (tx) => {
    for (const accountId of [ann, ann, bob]) await audit.record(tx, signIn(accountId));
    return audit.erasePersonal(tx, ann);
  });
  expect(erased).toBe(2);
  expect(await audit.list({}, 10)).toMatchObject([
    { action: 'personal.erase', target: ann, accountId: ann, details: { rows: 2 } },
    { accountId: bob, personal: { ip: '192.0.2.7', user_agent: 'a browser' } },
    { accountId: ann, personal: null },
    { accountId: ann, personal: null },
  ]);
});

it('about an account that is gone, or going, nothing personal is written', async () => {
  const carl = await add('carl');
  const { database } = replica;
  let late!: Promise<void>;
  await database.transaction(async (tx) => {
    await tx.query(`DELETE FROM accounts WHERE id = $1`, [carl]);
    late = database.run((manager) => audit.record(manager, signIn(carl)));
  });
  await late;
  await database.run((manager) => audit.record(manager, signIn(carl)));
  expect(await audit.list({ accountId: carl }, 10)).toMatchObject([
    { action: 'sign_in', personal: null },
    { action: 'sign_in', personal: null },
  ]);
});
