/**
 * The environment of Postgres' programs: nothing of ours but what a system needs to start a program. PG* variables
 * of the person's shell would change what they do.
 */
export function serverEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept = ['PATH', 'SystemRoot', 'TEMP'].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}
