/** A URL for Postgres clients. Every part is encoded, so that any name and password will do. */
export function serverUrl(
  port: number,
  database: string,
  role: { readonly name: string; readonly password: string },
): string {
  const [user, password] = [encodeURIComponent(role.name), encodeURIComponent(role.password)];
  return `postgres://${user}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}
