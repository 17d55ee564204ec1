import { setTimeout as delay } from 'node:timers/promises';
import { Browser } from '../../apps/identity/test/browser.js';
import { IDENTITIES, SERVICES } from '../chaos/town.js';
import type { Town } from '../chaos/town.js';
import { bearer, post } from '../stack.js';
import type { Disturbances, Part } from './disturbances.js';

const TIMEOUT_MS = 20_000;

/** Who uses the installation all the time. */
export interface Users {
  readonly account: { readonly email: string; readonly password: string };
  readonly client: { readonly id: string; readonly secret: string };
  readonly operatorToken: string;
}

interface Seen {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A way in, and whether it asks identity about every request to a service. */
export interface Entrance {
  readonly origin: string;
  readonly asks: boolean;
}

/** What people, services and operators do while nobody thinks of faults: a few requests a second, through one gateway after another. */
export class Load {
  requests = 0;
  rotations = 0;
  /** 5xx, or no answer, that no disturbance explains. */
  readonly unexpected: string[] = [];
  /** Good credentials that were refused. */
  readonly refusals: string[] = [];
  readonly #enough = new AbortController();
  #going: Promise<unknown> = Promise.resolve();
  #visits = 0;

  constructor(
    private readonly town: Town,
    private readonly entrances: readonly Entrance[],
    private readonly disturbances: Disturbances,
    private readonly users: Users,
  ) {}

  start(): void {
    this.#going = Promise.all([
      this.#again(200, () => this.#refreshAndUse()),
      this.#again(200, () => this.#browse('cookie')),
      this.#again(200, () => this.#browse('session')),
      this.#again(1_000, () => this.#useServiceToken()),
      this.#again(20_000, () => this.#rotateKeys()),
    ]);
  }

  async stop(): Promise<void> {
    this.#enough.abort();
    await this.#going;
  }

  /** Counts an answer that somebody else got. @param status 0: no answer */
  judge(what: string, status: number, parts: readonly Part[], began: number, ended: number): void {
    this.requests += 1;
    if (this.disturbances.allow(status, parts, began, ended)) return;
    this.unexpected.push(`${what}: ${status === 0 ? 'no answer' : String(status)}`);
  }

  async #again(pauseMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.#enough.signal.aborted) {
      await act();
      await delay(pauseMs, undefined, { signal: this.#enough.signal }).catch(() => undefined);
    }
  }

  #nextEntrance(): Entrance {
    return this.entrances[(this.#visits += 1) % this.entrances.length]!;
  }

  /** A client that holds its tokens itself: thirty refreshes, each token used at both services; then it logs out. */
  async #refreshAndUse(): Promise<void> {
    const { account } = this.users;
    const { origin, asks } = this.#nextEntrance();
    const begun = await this.#ask(['identity'], 'sign-in', () =>
      post(`${origin}/auth/login`, account).then(seen),
    );
    let held = begun.status === 200 ? begun.body : undefined;
    let isSure = true;
    for (let n = 0; n < 30 && held && !this.#enough.signal.aborted; n += 1) {
      const { access_token: access, refresh_token: refresh } = held as Record<string, string>;
      for (const service of SERVICES) {
        const parts: Part[] = asks ? [service, 'identity'] : [service];
        const used = await this.#ask(parts, service, () =>
          get(`${origin}/${service}`, bearer(access!)),
        );
        if (used.status === 401) this.refusals.push(`${service}: a bearer token, 401`);
      }
      await delay(400);
      const next = await this.#ask(['identity'], 'refresh', () =>
        post(`${origin}/auth/refresh`, { refresh_token: refresh }).then(seen),
      );
      if (next.status === 200) held = next.body;
      // Who got no answer tries again; past the grace it may have been spent by the first try.
      else if (next.status === 401) {
        if (isSure) this.refusals.push(`refresh: 401 ${JSON.stringify(next.body)}`);
        return;
      }
      isSure = next.status !== 0;
    }
    if (!held) return;
    await this.#ask(['identity'], 'logout', () =>
      post(`${origin}/auth/logout`, {}, bearer(String(held['access_token']))).then(seen),
    );
  }

  /** A browser: its cookies carry it for thirty pages; then it logs out. */
  async #browse(delivery: 'cookie' | 'session'): Promise<void> {
    const { origin, asks } = this.#nextEntrance();
    const browser = new Browser(origin, this.town.stack.url('gateway'));
    const login = { ...this.users.account, delivery };
    const begun = await this.#ask(['identity'], `sign-in (${delivery})`, () =>
      browser.fetch('POST', '/auth/login', login),
    );
    if (begun.status !== 200) return;
    for (let n = 0; n < 30 && !this.#enough.signal.aborted; n += 1) {
      // An opaque cookie every gateway asks identity for.
      const parts: Part[] = delivery === 'cookie' && !asks ? ['orders'] : ['orders', 'identity'];
      const used = await this.#ask(parts, `orders (${delivery})`, () =>
        browser.fetch('GET', '/orders'),
      );
      if (used.status === 401) this.refusals.push(`orders: delivery ${delivery}, 401`);
      await delay(300);
    }
    await this.#ask(['identity'], `logout (${delivery})`, () =>
      browser.fetch('POST', '/auth/logout', undefined, ['prefer', 'wait=2']),
    );
  }

  async #useServiceToken(): Promise<void> {
    const { id, secret } = this.users.client;
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
    const got = await this.#ask(['identity'], 'service token', () =>
      fetch(this.town.stack.url('gateway', '/oauth/token'), {
        method: 'POST',
        headers: { authorization },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).then(seen),
    );
    if (got.status === 401) this.refusals.push('service token: 401');
    if (got.status !== 200) return;
    const used = await this.#ask(['payments'], 'payments (service token)', () =>
      get(this.town.stack.url('gateway', '/payments'), bearer(String(got.body['access_token']))),
    );
    if (used.status === 401) this.refusals.push('payments: a service token, 401');
  }

  /** Asks for the next key, unless one is on its way. */
  async #rotateKeys(): Promise<void> {
    const url = `${this.town.operatorUrl(IDENTITIES[this.rotations % 2]!)}/operator/keys/rotate`;
    const headers = bearer(this.users.operatorToken);
    const answer = await this.#ask(['identity'], 'key rotation', () =>
      post(url, { force: false, reason: 'a soak' }, headers).then(seen),
    );
    if (answer.status < 300 && answer.status > 0) this.rotations += 1;
  }

  async #ask(parts: readonly Part[], what: string, send: () => Promise<Seen>): Promise<Seen> {
    const began = performance.now();
    const answer = await send().catch(() => ({ status: 0, body: {} }));
    this.judge(what, answer.status, parts, began, performance.now());
    return answer;
  }
}

function get(url: string, headers: Record<string, string>): Promise<Seen> {
  return fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) }).then(seen);
}

async function seen(response: Response): Promise<Seen> {
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text || '{}') as Record<string, unknown> };
}
