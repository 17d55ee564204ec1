import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';

jest.setTimeout(120_000);
afterAll(stopReplicas);

it('a new installation knows nobody: no account, no operator', async () => {
  const { database } = await startReplica();
  const [found] = await database.run((manager) =>
    manager.query<[{ accounts: number; operators: number }]>(
      `SELECT (SELECT count(*) FROM accounts)::integer AS accounts,
         (SELECT count(*) FROM operators)::integer AS operators`,
    ),
  );
  expect(found).toEqual({ accounts: 0, operators: 0 });
});
