import { fetchJson, RequestFailed } from './http-fetch.js';
import type { Fetch } from './http-fetch.js';

/** Where identity's service listener says its parts are. */
export interface ServiceEndpoints {
  readonly jwks: string;
  readonly snapshot?: string;
  readonly feed?: string;
  readonly checkIn?: string;
}

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly discoveryUrl: string;
  readonly allowInsecureHttp: boolean;
  readonly fetch: Fetch;
}

/**
 * Reads the authorization server metadata (RFC 8414) once and remembers it; after a failure the next call tries again. What is
 * known stays in use while it is asked for again: who hangs then must not hold up those whose endpoints work.
 *
 * Believes nothing but its own origin: the document's `issuer` must be the configured one, and every endpoint must lie on
 * the origin of `discoveryUrl`, so that credentials cannot be led elsewhere.
 */
export class Discovery {
  #known: ServiceEndpoints | undefined;
  #doubted = false;
  #asking: Promise<ServiceEndpoints> | undefined;

  /** @throws {TypeError} when `discoveryUrl` is not https and not on loopback, or holds a user or a password */
  constructor(private readonly options: DiscoveryOptions) {
    // fetch refuses such addresses, and would tell the password to all who ask why.
    if (holdsCredentials(options.discoveryUrl)) {
      throw new TypeError('the discoveryUrl must not hold a user or a password');
    }
    requireSafeUrl(options.discoveryUrl, options.allowInsecureHttp);
  }

  /** @throws {RequestFailed} when nothing is known, and the document cannot be fetched or is not believable */
  async endpoints(stop: AbortSignal): Promise<ServiceEndpoints> {
    if (!this.#known) return this.#ask(stop);
    if (this.#doubted) this.#ask(stop).catch(() => undefined);
    return this.#known;
  }

  /** Asks again with the next call: an endpoint did not answer as it should, and may have moved. */
  doubt(): void {
    this.#doubted = true;
  }

  #ask(stop: AbortSignal): Promise<ServiceEndpoints> {
    this.#asking ??= this.#fetch(stop)
      .then((endpoints) => {
        this.#known = endpoints;
        this.#doubted = false;
        return endpoints;
      })
      .finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #fetch(stop: AbortSignal): Promise<ServiceEndpoints> {
    const { issuer, discoveryUrl, fetch } = this.options;
    const limits = { timeoutMs: 5_000, maxBytes: 64 * 1024 };
    const document = await fetchJson({ fetch, stop }, discoveryUrl, limits);
    const metadata = (typeof document === 'object' && document !== null ? document : {}) as Record<
      string,
      unknown
    >;
    if (metadata['issuer'] !== issuer) {
      throw new RequestFailed(
        `the metadata at ${discoveryUrl} belongs to another issuer than ${issuer}`,
      );
    }
    const jwks = this.#endpoint(metadata, 'jwks_uri');
    if (jwks === undefined) throw new RequestFailed('the metadata names no jwks_uri');
    const snapshot = this.#endpoint(metadata, 'revocation_snapshot_endpoint');
    const feed = this.#endpoint(metadata, 'revocation_feed_endpoint');
    const checkIn = this.#endpoint(metadata, 'check_in_endpoint');
    return {
      jwks,
      ...(snapshot && { snapshot }),
      ...(feed && { feed }),
      ...(checkIn && { checkIn }),
    };
  }

  #endpoint(metadata: Record<string, unknown>, name: string): string | undefined {
    const value = metadata[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !URL.canParse(value) || holdsCredentials(value))
      throw new RequestFailed(`${name} is not a URL that can be asked`);
    if (new URL(value).origin !== new URL(this.options.discoveryUrl).origin) {
      throw new RequestFailed(`${name} lies on another origin than the metadata`);
    }
    return value;
  }
}

/**
 * Whether credentials may be sent to `url`: https, or http that stays on this machine, or any http once it is allowed. False
 * for what is no URL.
 */
export function isSafeUrl(url: string, allowInsecureHttp: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return (
    protocol === 'https:' || (protocol === 'http:' && (allowInsecureHttp || isLoopback(hostname)))
  );
}

/** @throws {TypeError} when plain http would leave the machine */
function requireSafeUrl(url: string, allowInsecureHttp: boolean): void {
  if (isSafeUrl(url, allowInsecureHttp)) return;
  throw new TypeError(`${url} must be https (or http on loopback, or set allowInsecureHttp)`);
}

function holdsCredentials(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
