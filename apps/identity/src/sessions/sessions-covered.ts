/** Which live sessions; what is left out is not asked about. */
export interface SessionsCovered {
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Only those that began up to and including this second, NumericDate. */
  readonly begunUpTo?: number | undefined;
  /** Only these. */
  readonly only?: readonly string[] | undefined;
  /** Not this one. */
  readonly except?: string | undefined;
}

/** A condition on rows of `sessions`, with the values of its parameters from `$1` on. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Only what is asked about is in it, so that an index can answer. */
export function conditionOf(covered: SessionsCovered): Condition {
  const { accountId, clientId, begunUpTo, only, except } = covered;
  const parts = ['ended_at IS NULL', 'least(expires_at, idle_expires_at) > clock_timestamp()'];
  const values: unknown[] = [];
  const add = (value: unknown, sql: (parameter: string) => string) => {
    if (value === undefined) return;
    values.push(value);
    parts.push(sql(`$${String(values.length)}`));
  };
  // A subject need not be a person.
  if (accountId !== undefined && !UUID.test(accountId)) parts.push('false');
  else add(accountId, (parameter) => `account_id = ${parameter}::uuid`);
  add(clientId, (parameter) => `client_id = ${parameter}`);
  add(begunUpTo, (parameter) => `created_at < to_timestamp(${parameter}::bigint + 1)`);
  add(only, (parameter) => `sid = ANY(${parameter}::uuid[])`);
  add(except, (parameter) => `sid <> ${parameter}::uuid`);
  return { sql: parts.join(' AND '), values };
}
