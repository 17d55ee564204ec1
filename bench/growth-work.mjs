// How long processors worked for identity.
import { cpuMsOf } from './processes.mjs';

/**
 * Watches identity's serving process and the database processes that work for it, from now on. Those that hash passwords do not count.
 *
 * @param database a connection, which does not count
 * @returns tells the processor time since, milliseconds
 */
export async function watchWork({ identityPid }, database) {
  const read = async () => {
    const { rows } = await database.query(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    return new Map([identityPid, ...rows.map(({ pid }) => pid)].map((pid) => [pid, cpuMsOf(pid)]));
  };
  const before = await read();
  return async () => {
    let sum = 0;
    // A connection that was not used for some time has ended; it had little to do.
    for (const [pid, ms] of await read()) sum += ms - (before.get(pid) ?? 0);
    return sum;
  };
}
