import { jest } from '@jest/globals';
import { startReplica, stopReplicas } from '../test/identity-under-test.js';
import { PersonalPurge } from './audit/personal-purge.js';
import { CredentialsPurge } from './credentials/credentials-purge.js';
import type { Deletion } from './platform/purge-job.js';
import { Purge } from './relying-services/purge.js';

jest.setTimeout(60_000);
afterAll(stopReplicas);

/** Tables that are small whatever there is: they may be read from end to end. */
const SMALL = ['receipts', 'instances'];

it('what is over is found by an index each minute, however much is not', async () => {
  const replica = await startReplica();
  const jobs = [
    replica.get(CredentialsPurge).job,
    replica.get(Purge).job,
    replica.get(PersonalPurge).job,
  ];
  const found = await replica.database.transaction(async (tx) => {
    // Tables are empty here; an index that is of no use for the condition is of none now either.
    await tx.query(`SET LOCAL enable_seqscan = off`);
    const byIndex: [string, boolean][] = [];
    for (const { deletions } of jobs) {
      for (const [name, statements] of Object.entries<readonly Deletion[]>(deletions)) {
        for (const { statement, values = [] } of statements) {
          const plan: unknown = await tx.query(`EXPLAIN ${statement}`, [5_000, ...values]);
          byIndex.push([name, /Index Cond: \(\w+ < /.test(JSON.stringify(plan))]);
        }
      }
    }
    return byIndex;
  });
  expect(found).toEqual(
    [
      'sessions',
      'sessions',
      'emailTokens',
      'accounts',
      'revocations',
      'receipts',
      'instances',
      'personal',
    ].map((name) => [name, !SMALL.includes(name)]),
  );
});
