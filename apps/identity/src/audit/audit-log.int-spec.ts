import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { accountActor, AuditLog } from './audit-log.js';

jest.setTimeout(60_000);

let replica: Replica;
let audit: AuditLog;
beforeAll(async () => {
  replica = await startReplica();
  audit = replica.get(AuditLog);
});
afterAll(stopReplicas);

it('what is personal about an account is erased, with a row that says so; of others nothing is', async () => {
  const [ann, bob] = [randomUUID(), randomUUID()];
  const signIn = (accountId: string) => ({
    actor: accountActor(accountId),
    action: 'sign_in' as const,
    target: accountId,
    accountId,
    personal: { ip: '192.0.2.7', user_agent: 'a browser' },
  });
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
