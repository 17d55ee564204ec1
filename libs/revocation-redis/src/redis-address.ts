/** Where Redis is: one server, or the master that Sentinels name. */
export interface RedisAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** The name the Sentinels know the master by; absent for a single server. */
  readonly master?: string;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
}

/** Whether {@link parseRedisUrl} understands `url`. */
export function isRedisUrl(url: string): boolean {
  return parseRedisUrl(url) !== undefined;
}

const FORM =
  /^(?<scheme>rediss?)(?<sentinel>\+sentinel)?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?:\/(?<path>[^?#]*))?$/;

/**
 * Reads the URL forms
 *
 * - `redis://[user:password@]host[:port][/database]`
 * - `redis+sentinel://[user:password@]host[:port],host[:port],…/master-name` (user and password are those of the master)
 *
 * and both with `rediss` for TLS, to the Sentinels too. User and password are percent-encoded where they hold `:`, `@` or `/`.
 *
 * @returns `undefined` for anything else
 */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const parts = FORM.exec(url)?.groups;
  if (!parts) return undefined;
  const sentinel = parts['sentinel'] !== undefined;
  const hosts = (parts['hosts'] ?? '').split(',').map((text) => host(text, sentinel));
  if (!hosts.every((one) => one !== undefined)) return undefined;
  const path = parts['path'] ?? '';
  if (sentinel ? !/^[\w.-]+$/.test(path) : hosts.length > 1 || !/^\d{0,3}$/.test(path)) {
    return undefined;
  }
  const credentials = decodeAll([parts['user'], parts['password']]);
  if (!credentials) return undefined;
  const [username, password] = credentials;
  return {
    hosts,
    ...(sentinel && { master: path }),
    tls: parts['scheme'] === 'rediss',
    ...(username && { username }),
    ...(password && { password }),
    database: sentinel ? 0 : Number(path),
  };
}

function host(text: string, sentinel: boolean) {
  const match = /^(?<name>[\w.-]+|\[[\da-fA-F:.]+\])(?::(?<port>\d{1,5}))?$/.exec(text)?.groups;
  const name = match?.['name'];
  const port = Number(match?.['port'] ?? (sentinel ? 26_379 : 6_379));
  if (name === undefined || port === 0 || port > 65_535) return undefined;
  return { host: name.replace(/^\[|\]$/g, ''), port };
}

function decodeAll(texts: readonly (string | undefined)[]): (string | undefined)[] | undefined {
  try {
    return texts.map((text) => text && decodeURIComponent(text));
  } catch {
    return undefined;
  }
}
