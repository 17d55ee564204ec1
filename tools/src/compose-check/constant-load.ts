import { setTimeout as delay } from 'node:timers/promises';

/** One kind of request, over and over. @returns what was wrong with the answer, if anything */
export type Ask = () => Promise<string | undefined>;

/** What Node says when the other side has closed a connection. */
const CLOSED = ['ECONNRESET', 'UND_ERR_SOCKET'];

/** What a load has come to. */
export interface LoadResult {
  readonly sent: number;
  readonly failures: readonly string[];
}

/** A load that goes on until it is ended. */
export class ConstantLoad {
  #sent = 0;
  readonly #failures: string[] = [];
  readonly #running: Promise<void>[];
  #ending = false;

  /** @param rates how often each kind is asked in a second, whether earlier ones have been answered or not */
  constructor(rates: readonly (readonly [ask: Ask, perSecond: number])[]) {
    this.#running = rates.map(([ask, perSecond]) => this.#goOn(ask, perSecond));
  }

  get sent(): number {
    return this.#sent;
  }

  /** Ends it, and waits for the last answers. */
  async end(): Promise<LoadResult> {
    this.#ending = true;
    await Promise.all(this.#running);
    return { sent: this.#sent, failures: this.#failures };
  }

  async #goOn(ask: Ask, perSecond: number): Promise<void> {
    const open = new Set<Promise<void>>();
    for (let next = performance.now(); !this.#ending; next += 1000 / perSecond) {
      await delay(Math.max(0, next - performance.now()));
      this.#sent++;
      const asked = this.#ask(ask).finally(() => open.delete(asked));
      open.add(asked);
    }
    await Promise.all(open);
  }

  async #ask(ask: Ask): Promise<void> {
    try {
      const wrong = await ask();
      if (wrong !== undefined) this.#failures.push(wrong);
    } catch (error) {
      const { message, cause } = error as Error;
      this.#failures.push(`${message} ${(cause as Error | undefined)?.message ?? ''}`);
    }
  }
}

/**
 * Asks an API for one account: reads with a token, with a session cookie, and refreshes. `resent` says how many reads were sent twice,
 * since their connection was closed.
 */
export async function requestsOf(
  gateway: string,
  account: { readonly email: string; readonly password: string },
): Promise<
  Readonly<
    Record<'readOwn' | 'readOrders' | 'readAsBrowser' | 'refresh' | 'logIn', Ask> & {
      resent: () => number;
    }
  >
> {
  const sendOnce = (method: string, path: string, headers: object = {}, body?: object) =>
    fetch(`${gateway}${path}`, {
      method,
      headers: { origin: gateway, 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
  let resent = 0;
  // A connection that was kept may close in the moment in which it is used again; reading is repeated then (RFC 9112 §9.3.1).
  const send = (method: string, path: string, headers?: object, body?: object) =>
    sendOnce(method, path, headers, body).catch((error: unknown) => {
      const { code } = ((error as Error).cause ?? {}) as { code?: string };
      if (method !== 'GET' || !CLOSED.includes(code ?? '')) throw error;
      resent++;
      return sendOnce(method, path, headers, body);
    });
  const logIn = (wishes: object = {}) => send('POST', '/auth/login', {}, { ...account, ...wishes });
  // Reads go on with the newest token: an update may take longer than one lives.
  let newest = (await (await logIn()).json()) as { access_token: string; refresh_token: string };
  const [cookie = ''] = (await logIn({ delivery: 'session' })).headers.getSetCookie();
  const bearer = () => ({ authorization: `Bearer ${newest.access_token}` });
  const browser = { cookie: cookie.split(';')[0] };
  let last = Promise.resolve<string | undefined>(undefined);

  const expectOk = async (what: string, asked: Promise<Response>) => {
    const answer = await asked;
    const text = await answer.text();
    return answer.status === 200 ? undefined : `${what}: ${String(answer.status)} ${text}`;
  };
  const refresh = async () => {
    const answer = await send('POST', '/auth/refresh', {}, { refresh_token: newest.refresh_token });
    const text = await answer.text();
    if (answer.status !== 200) return `refresh: ${String(answer.status)} ${text}`;
    newest = JSON.parse(text) as typeof newest;
    return undefined;
  };
  return {
    readOwn: () => expectOk('GET /auth/me', send('GET', '/auth/me', bearer())),
    readOrders: () => expectOk('GET /orders', send('GET', '/orders', bearer())),
    readAsBrowser: () => expectOk('GET /orders, cookie', send('GET', '/orders', browser)),
    // One after the other, as a client does.
    refresh: () => (last = last.then(refresh, refresh)),
    logIn: () => expectOk('login', logIn()),
    resent: () => resent,
  };
}
