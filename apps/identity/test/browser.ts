import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { json, text } from 'node:stream/consumers';

/** An answer over HTTP, with its headers as they came. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly setCookies: readonly string[];
  readonly body: Record<string, unknown>;
}

/** Asks with exactly these headers, names and values in turn: also twice the same, as no client library would. */
export async function ask(
  origin: string,
  method: string,
  path: string,
  { headers = [], body }: { headers?: readonly string[]; body?: string | undefined } = {},
): Promise<Answer> {
  const { hostname, port, host } = new URL(origin);
  // As browsers do: a GET says nothing of a body, everything else says how long it is.
  const isLengthSaid = body !== undefined || method !== 'GET';
  const length = isLengthSaid ? ['content-length', String(Buffer.byteLength(body ?? ''))] : [];
  const asking = request({
    hostname,
    port,
    method,
    path,
    agent: false,
    headers: ['host', host, ...length, ...headers],
  });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  const isJson = method !== 'HEAD' && /json/.test(answer.headers['content-type'] ?? '');
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    setCookies: answer.headers['set-cookie'] ?? [],
    body: isJson ? ((await json(answer)) as Record<string, unknown>) : { text: await text(answer) },
  };
}

interface StoredCookie {
  readonly value: string;
  readonly path: string;
  readonly maxAge: number | undefined;
  readonly attributes: readonly string[];
}

/** The part of a browser that keeps cookies (RFC 6265bis §5), on a page of `pageOrigin`. */
export class Browser {
  readonly cookies = new Map<string, StoredCookie>();

  constructor(
    private readonly server: string,
    private readonly pageOrigin: string,
  ) {}

  /** What a page's script gets for `fetch(path, { method, body })`. */
  async fetch(method: string, path: string, body?: unknown, more: readonly string[] = []) {
    const cookie = this.#headerOf(this.cookies, path);
    const answer = await ask(this.server, method, path, {
      headers: [
        ...(cookie === '' ? [] : ['cookie', cookie]),
        ...(method === 'GET' ? [] : ['origin', this.pageOrigin]),
        ...(body === undefined ? [] : ['content-type', 'application/json']),
        ...more,
      ],
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    for (const line of answer.setCookies) this.#store(line);
    return answer;
  }

  /** Those that carry a session, by name; a known device stays known. */
  get sessionCookies(): ReadonlyMap<string, StoredCookie> {
    return new Map([...this.cookies].filter(([name]) => /-(access|refresh|session)$/.test(name)));
  }

  /** What goes along to `path` of those that carry a session. */
  cookieHeader(path: string): string {
    return this.#headerOf(this.sessionCookies, path);
  }

  #headerOf(cookies: ReadonlyMap<string, StoredCookie>, path: string): string {
    return [...cookies]
      .filter(([, cookie]) => pathMatches(path, cookie.path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
  }

  /** Ends it and opens it again: what has no `Max-Age` is gone. */
  restart(): void {
    for (const [name, { maxAge }] of this.cookies) {
      if (maxAge === undefined) this.cookies.delete(name);
    }
  }

  #store(line: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const valueOf = (attribute: string) =>
      attributes.find((one) => one.startsWith(`${attribute}=`))?.slice(attribute.length + 1);
    const path = valueOf('Path') ?? '';
    const maxAge = valueOf('Max-Age');
    const isSecure = attributes.includes('Secure');
    const isHost = isSecure && path === '/' && valueOf('Domain') === undefined;
    // A browser stores no cookie that lies about its prefix (§4.1.3).
    if (name.startsWith('__Host-') ? !isHost : !isSecure) return;
    if (maxAge === '0') this.cookies.delete(name);
    else {
      const life = maxAge === undefined ? undefined : Number(maxAge);
      this.cookies.set(name, { value, path, maxAge: life, attributes });
    }
  }
}

function pathMatches(path: string, cookiePath: string): boolean {
  const [asked = ''] = path.split('?');
  return (
    asked === cookiePath ||
    asked.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`)
  );
}
