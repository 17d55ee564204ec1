import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/** One kind of request, over and over. @returns what was wrong with the answer, if anything */
export type Ask = () => Promise<string | undefined>;

/** What Node says when the other side has closed a connection. */
const CLOSED = ['ECONNRESET', 'UND_ERR_SOCKET'];
const PATIENCE_MS = 20_000;

/** As much of an answer as is looked at. */
type Answer = Pick<Response, 'status' | 'text'>;

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
 * Asks an API for one account: reads with a token, with a session cookie, refreshes and signs in, as docs/clients.md advises. `resent`
 * says how many reads and refreshes were sent twice, since the connection that was kept for them was closed.
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
  const partsOf = (method: string, headers: object = {}, body?: object) => ({
    method,
    headers: { origin: gateway, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const send = (path: string, ...parts: Parameters<typeof partsOf>) =>
    fetch(gateway + path, partsOf(...parts));
  const sendAlone = (path: string, ...parts: Parameters<typeof partsOf>) =>
    onNewConnection(gateway + path, partsOf(...parts));
  let resent = 0;
  // A connection that was kept may close in the moment in which it is used again, and so may all that were kept with it: what may be
  // done twice is sent once more, on a new one.
  const sendTwice: (...asked: Parameters<typeof send>) => Promise<Answer> = (...asked) =>
    send(...asked).catch((error: unknown) => {
      const { code = '' } = ((error as Error).cause ?? {}) as { code?: string };
      if (!CLOSED.includes(code)) throw error;
      resent++;
      return sendAlone(...asked);
    });
  const logIn = (wishes: object = {}) =>
    ['/auth/login', 'POST', {}, { ...account, ...wishes }] as const;
  // Reads go on with the newest token: an update may take longer than one lives.
  let newest = (await (await send(...logIn())).json()) as {
    access_token: string;
    refresh_token: string;
  };
  const [cookie = ''] = (await send(...logIn({ delivery: 'session' }))).headers.getSetCookie();
  const bearer = () => ({ authorization: `Bearer ${newest.access_token}` });
  const browser = { cookie: cookie.split(';')[0] };
  let last = Promise.resolve<string | undefined>(undefined);

  const expectOk = async (what: string, asked: Promise<Answer>) => {
    const answer = await asked;
    const body = await answer.text();
    return answer.status === 200 ? undefined : `${what}: ${String(answer.status)} ${body}`;
  };
  const refresh = async () => {
    const { refresh_token } = newest;
    const answer = await sendTwice('/auth/refresh', 'POST', {}, { refresh_token });
    const body = await answer.text();
    if (answer.status !== 200) return `refresh: ${String(answer.status)} ${body}`;
    newest = JSON.parse(body) as typeof newest;
    return undefined;
  };
  return {
    readOwn: () => expectOk('GET /auth/me', sendTwice('/auth/me', 'GET', bearer())),
    readOrders: () => expectOk('GET /orders', sendTwice('/orders', 'GET', bearer())),
    readAsBrowser: () => expectOk('GET /orders, cookie', sendTwice('/orders', 'GET', browser)),
    // One after the other, as a client does.
    refresh: () => (last = last.then(refresh, refresh)),
    // Not to be done twice.
    logIn: () => expectOk('login', sendAlone(...logIn())),
    resent: () => resent,
  };
}

/** Sends a request on a connection that nothing was sent on before. */
async function onNewConnection(
  url: string,
  {
    body,
    ...options
  }: { method: string; headers: Record<string, string>; body?: string; signal: AbortSignal },
): Promise<Answer> {
  const asking = request(url, { ...options, agent: false }).end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, text: () => text(answer) };
}
