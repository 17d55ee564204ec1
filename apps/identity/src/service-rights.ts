import type { DataSource, EntityManager } from 'typeorm';

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** The rights of one table. Instead of `UPDATE`, the columns that may change. */
interface TableRights {
  readonly rights: readonly Right[];
  readonly changing?: readonly string[];
}

const READ: TableRights = { rights: ['SELECT'] };
const KEEP: TableRights = { rights: ['SELECT', 'UPDATE'] };
const APPEND: TableRights = { rights: ['SELECT', 'INSERT'] };
const ADD_AND_CHANGE: TableRights = { rights: ['SELECT', 'INSERT', 'UPDATE'] };
const ADD_AND_REMOVE: TableRights = { rights: ['SELECT', 'INSERT', 'DELETE'] };
const ALL: TableRights = { rights: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] };

/**
 * What the service does with each table and view, and so all that its database role may do. Rows of `revocations` and `audit` are
 * bound further, by policies.
 */
export const SERVICE_RIGHTS: Readonly<Record<string, TableRights>> = {
  accounts: ALL,
  audit: {
    ...APPEND,
    changing: ['position', 'digest', 'personal', 'personal_salt', 'personal_digest'],
  },
  audit_chain: KEEP,
  check_in_clock: KEEP,
  client_secrets: ADD_AND_REMOVE,
  clients: ADD_AND_CHANGE,
  email_tokens: ADD_AND_REMOVE,
  key_ring: KEEP,
  live_instances: READ,
  live_set_is_complete: READ,
  mail_outbox: ALL,
  master_key_holders: ALL,
  master_keys: ADD_AND_CHANGE,
  operators: ADD_AND_CHANGE,
  receipts: ADD_AND_REMOVE,
  refresh_rush: KEEP,
  relying_service_instances: ALL,
  relying_service_secrets: ADD_AND_REMOVE,
  relying_services: ADD_AND_CHANGE,
  revocation_epochs: APPEND,
  revocation_head: KEEP,
  revocation_relay: KEEP,
  revocations: ADD_AND_REMOVE,
  schema_migrations: READ,
  sessions: ALL,
  signing_keys: ADD_AND_CHANGE,
};

/** Why a role was given no rights. */
export class UnfitRole extends Error {
  override readonly name = 'UnfitRole';
}

/**
 * Gives a role what {@link SERVICE_RIGHTS} says and takes everything else in the schema from it, in one transaction: a service that
 * runs meanwhile notices nothing.
 *
 * @param source connected as the owner of the tables
 * @throws {UnfitRole} when the role is not there, or could do more whatever it is given
 */
export function grantServiceRights(source: DataSource, role: string): Promise<void> {
  const escape = (name: string) => source.driver.escape(name);
  return source.transaction(async (tx) => {
    await requireOrdinary(tx, role);
    const [{ schema }] = await tx.query<[{ schema: string }]>(`SELECT current_schema() AS schema`);
    const to = escape(role);
    const statements = [
      `REVOKE ALL ON ALL TABLES IN SCHEMA ${escape(schema)} FROM ${to}`,
      `GRANT USAGE ON SCHEMA ${escape(schema)} TO ${to}`,
      ...Object.entries(SERVICE_RIGHTS).map(
        ([table, rights]) => `GRANT ${listed(rights)} ON ${escape(table)} TO ${to}`,
      ),
    ];
    await tx.query(statements.join('; '));
    await refuseCreation(tx, role, schema);
  });
}

/** The role that is connected, and what it may not do with the tables that are there although the service does it, in words. */
export async function missingRights(
  manager: EntityManager,
): Promise<{ role: string; missing: readonly string[] }> {
  const wanted = Object.entries(SERVICE_RIGHTS).flatMap(([table, { rights, changing }]) =>
    [...rights, ...(changing ? ['UPDATE'] : [])].map((right) => [table, right] as const),
  );
  const [found] = await manager.query<[{ role: string; missing: string[] }]>(
    `SELECT current_user AS role, coalesce(array_agg(w.right || ' on ' || w.table) FILTER (
       WHERE NOT CASE w.right WHEN 'DELETE' THEN has_table_privilege(to_regclass(w.table), w.right)
         ELSE has_any_column_privilege(to_regclass(w.table), w.right) END), '{}') AS missing
     FROM unnest($1::text[], $2::text[]) AS w ("table", "right")`,
    [wanted.map(([table]) => table), wanted.map(([, right]) => right)],
  );
  return found;
}

function listed({ rights, changing }: TableRights): string {
  return [...rights, ...(changing ? [`UPDATE (${changing.join(', ')})`] : [])].join(', ');
}

async function requireOrdinary(tx: EntityManager, role: string): Promise<void> {
  const [found] = await tx.query<{ mighty: boolean }[]>(
    `SELECT rolsuper OR pg_has_role(rolname, current_user, 'MEMBER') AS mighty FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  if (!found) {
    throw new UnfitRole(`there is no role "${role}": make it first, with CREATE ROLE … LOGIN`);
  }
  if (found.mighty) {
    throw new UnfitRole(
      `the role "${role}" owns the tables or is a superuser, so that no rights can be kept from it: name another one`,
    );
  }
}

/** A database of before Postgres 15 lets everybody make tables. */
async function refuseCreation(tx: EntityManager, role: string, schema: string): Promise<void> {
  const [{ may }] = await tx.query<[{ may: boolean }]>(
    `SELECT has_schema_privilege($1, $2, 'CREATE') AS may`,
    [role, schema],
  );
  if (may) {
    throw new UnfitRole(
      `the role "${role}" may make tables: run REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC, "${role}" as the owner of the schema`,
    );
  }
}
