import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bearer, freePorts, post, Stack, until } from '../stack.js';
import { breaches } from './checker.js';
import type { Answer, Breach, History, Logout, Probe } from './checker.js';
import { ServiceRoad } from './service-road.js';

/** Staleness of every service here, seconds: short, so that a fault outlives it within a test. */
const SOFT_SECONDS = 2;
const HARD_SECONDS = 6;
/** What the clocks of a check may differ by, and a request take, milliseconds. */
const SLACK_MS = 1_000;
/** Readers of the feed of a replica that are parts of it: its verifier, and its memory of swaps. */
const READERS_INSIDE = 2;
/** How long a test waits until all is well again, at most. */
const WELL_WITHIN_MS = 60_000;
/** How long all must be well before it counts as settled; who settled too early is waited for again. */
const STEADY_MS = 300;
const PAUSE_BETWEEN_PROBES_MS = 15;

export type IdentityName = 'identity-a' | 'identity-b';
export const IDENTITIES: readonly IdentityName[] = ['identity-a', 'identity-b'];
export const SERVICES = ['orders', 'payments'] as const;

const skewedClock = fileURLToPath(new URL('skewed-clock.mjs', import.meta.url));

/**
 * A small installation with two replicas of identity, under constant requests: people sign in, use their tokens at every
 * service, and log out, while a test breaks something. What was seen is held against the promises.
 */
export class Town {
  readonly #tokens: string[] = [];
  readonly #hardLimitMs: number;
  #frontDoor: ServiceRoad | undefined;
  readonly #inUse = new Set<number>();
  #probes: Probe[] = [];
  #logouts: Logout[] = [];
  #probing: Promise<unknown> = Promise.resolve();
  #enough = new AbortController();

  private constructor(
    readonly stack: Stack,
    readonly road: ServiceRoad,
    private readonly identityPorts: Readonly<Record<IdentityName, IdentityPorts>>,
    private readonly account: Account,
    hardSeconds: number,
  ) {
    this.#hardLimitMs = hardSeconds * 1000 + SLACK_MS;
  }

  /**
   * @param env settings for every process
   * @param only settings for one process more
   */
  static async start(
    env: Record<string, string> = {},
    only: Readonly<Partial<Record<(typeof SERVICES)[number], Record<string, string>>>> = {},
  ): Promise<Town> {
    const limits = env['STALENESS_LIMITS'] ?? `${String(SOFT_SECONDS)}/${String(HARD_SECONDS)}`;
    const stack = await Stack.start([], { LOG_LEVEL: 'info', ...env, STALENESS_LIMITS: limits });
    const free = await freePorts(6);
    const portsFrom = (first: number): IdentityPorts => ({
      PUBLIC_PORT: String(free[first]),
      SERVICE_PORT: String(free[first + 1]),
      OPERATOR_PORT: String(free[first + 2]),
      MANAGEMENT_PORT: '0',
    });
    const ports = { 'identity-a': portsFrom(0), 'identity-b': portsFrom(3) };
    const road = await ServiceRoad.open(
      stack.ports['service']!,
      IDENTITIES.map((name) => Number(ports[name].SERVICE_PORT)),
    );
    const account = { email: 'ann@example.test', password: 'a password of the town' };
    const town = new Town(stack, road, ports, account, Number(limits.split('/')[1]));
    for (const name of IDENTITIES) await town.startIdentity(name);
    for (const service of SERVICES) await stack.startApp(service, { env: only[service] ?? {} });
    await stack.addAccountAs('customer', account.email, account.password);
    return town;
  }

  async startIdentity(name: IdentityName, env: Record<string, string> = {}): Promise<void> {
    await this.stack.startApp('identity', { name, env: { ...this.identityPorts[name], ...env } });
  }

  /** Starts the gateway too, in front of both replicas of identity. */
  async openFrontDoor(): Promise<void> {
    this.#frontDoor = await ServiceRoad.open(
      this.stack.ports['public']!,
      IDENTITIES.map((name) => Number(this.identityPorts[name].PUBLIC_PORT)),
    );
    await this.stack.startApp('gateway');
  }

  operatorUrl(name: IdentityName): string {
    return `http://localhost:${this.identityPorts[name].OPERATOR_PORT}`;
  }

  /** Settings of the command line of an operator. */
  operatorSettings(name: IdentityName): Record<string, string> {
    return { COUNTERSIGN_OPERATOR_URL: this.operatorUrl(name) };
  }

  /** The replica that writes revocations to Redis, once there is one that answers. */
  async relayLeader(): Promise<IdentityName> {
    let leader: IdentityName | undefined;
    await until(async () => {
      for (const name of IDENTITIES)
        if ((await this.#metric(name, 'countersign_relay_leader')) === 1) leader = name;
      return leader !== undefined;
    }, 30_000);
    return leader!;
  }

  /** Makes every service read the feed of this replica: the other one is restarted. What befalls it then befalls them. */
  async letAllFollow(name: IdentityName): Promise<void> {
    const other = IDENTITIES.find((one) => one !== name)!;
    await this.stack.endApp(other);
    try {
      const all = SERVICES.length + READERS_INSIDE;
      const follow = async () => (await this.#metric(name, 'countersign_feed_subscribers')) === all;
      await until(follow, 30_000);
    } finally {
      await this.startIdentity(other);
    }
  }

  /** Reads the feed of one replica from now on. @returns when heartbeats have come, on the clock of `performance.now()` */
  async heartbeatsFrom(name: IdentityName): Promise<readonly number[]> {
    const credentials = Buffer.from(`orders:${this.stack.clientSecrets['orders']!}`);
    const url = `http://localhost:${this.identityPorts[name].SERVICE_PORT}/revocations/feed`;
    const answer = await fetch(url, {
      headers: { authorization: `Basic ${credentials.toString('base64')}` },
      signal: this.#enough.signal,
    });
    const came: number[] = [];
    void (async () => {
      for await (const text of answer.body!.pipeThrough(new TextDecoderStream()))
        if (text.includes('event: heartbeat')) came.push(performance.now());
    })().catch(() => undefined);
    return came;
  }

  /** Settings of a process whose wall clock is wrong. */
  skewedBy(seconds: number): Record<string, string> {
    return { NODE_OPTIONS: `--import=${skewedClock}`, SKEW_MS: String(seconds * 1000) };
  }

  /** Stops or continues a process without telling it: it neither ends connections nor reads them. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.stack.running(name).child.kill(signal);
  }

  /** @returns numbers of new tokens, which are used at every service from now on */
  async signIn(
    count: number,
    at: IdentityName = 'identity-a',
    account: Account = this.account,
  ): Promise<number[]> {
    const numbers: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const answer = await post(this.#publicUrl(at, '/auth/login'), account);
      if (!answer.ok) throw new Error(`a sign-in was answered ${String(answer.status)}`);
      const { access_token: token } = (await answer.json()) as { access_token: string };
      numbers.push(this.#tokens.push(token) - 1);
      this.#inUse.add(this.#tokens.length - 1);
    }
    return numbers;
  }

  /** Logs out, waiting for the receipts of all services as long as identity allows; with no `prefer`, not at all. */
  async logout(token: number, at?: IdentityName, prefer = 'wait=2'): Promise<Logout> {
    return (await this.#end('POST', '/auth/logout', [token], at, prefer))[0]!;
  }

  /** Ends all sessions of the account of these tokens, which are all it has. */
  async endAll(tokens: readonly number[], at?: IdentityName): Promise<Logout[]> {
    return this.#end('DELETE', '/auth/sessions', tokens, at, 'wait=2');
  }

  async logoutAll(tokens: readonly number[], at?: IdentityName): Promise<Logout[]> {
    const logouts: Logout[] = [];
    for (const token of tokens) logouts.push(await this.logout(token, at));
    return logouts;
  }

  /**
   * Logs out with as many tokens as are to have all receipts in the time that identity waits for them; with more of them where a
   * machine was too busy. @returns how many had them
   */
  async logoutsWithReceipts(wanted: number, tokens: readonly number[]): Promise<number> {
    let had = 0;
    for (const token of tokens) {
      if (had < wanted && (await this.logout(token)).status === 'applied') had += 1;
    }
    return had;
  }

  async #end(
    method: string,
    path: string,
    tokens: readonly number[],
    at: IdentityName = 'identity-a',
    prefer: string,
  ): Promise<Logout[]> {
    const asked = performance.now();
    const status = await fetch(this.#publicUrl(at, path), {
      method,
      headers: { ...bearer(this.#tokens[tokens[0]!]!), ...(prefer ? { prefer } : {}) },
      signal: AbortSignal.timeout(15_000),
    }).then(statusOf, () => 'failed' as const);
    const answered = performance.now();
    const ended = tokens.map((token) => ({ token, asked, answered, status }));
    this.#logouts.push(...ended);
    return ended;
  }

  /** Uses all tokens at all services, again and again, until {@link judge}. */
  startProbing(): void {
    this.#probes = [];
    this.#logouts = [];
    this.#enough = new AbortController();
    this.#probing = Promise.all(SERVICES.map((service) => this.#probeOn(service)));
  }

  /** How a service answers this token just now. */
  async answerOf(service: Probe['service'], token: number): Promise<Answer> {
    return (await this.#probe(service, token)).answer;
  }

  /** Signs in and logs out, at each replica in turn, until a logout has all its receipts. @throws when none has within `ms` */
  async untilReceipts(ms: number): Promise<void> {
    let turn = 0;
    await until(async () => {
      const at = IDENTITIES[(turn += 1) % IDENTITIES.length]!;
      const [token] = await this.signIn(1, at);
      return (await this.logout(token!, at)).status === 'applied';
    }, ms);
  }

  /**
   * Waits until nothing changes any more, goes on for a second, and stops. The tokens are forgotten.
   *
   * @param receiptsWithinMs how long it may take after that until a logout has all its receipts again
   * @returns the promises that were broken
   */
  async judge(receiptsWithinMs = 30_000): Promise<string[]> {
    let found = await this.#settle(WELL_WITHIN_MS);
    if (found.length === 0) found = await this.#breachesOfReceipts(receiptsWithinMs);
    await this.rest();
    const broken = new Set(found.map(({ text }) => text));
    return broken.size === 0 ? [] : [...broken, ...this.stack.lastLines(25)];
  }

  /** The same, without the last lines of the logs, and without asking for receipts. */
  async findBreaches(withinMs: number): Promise<Breach[]> {
    const found = await this.#settle(withinMs);
    await this.rest();
    return found;
  }

  /** Stops using tokens, and forgets them. For `afterEach`: a test that failed must not disturb the next. */
  async rest(): Promise<void> {
    this.#enough.abort();
    await this.#probing;
    this.#inUse.clear();
    this.road.openToAll();
  }

  history(settledAt: number): History {
    return { probes: this.#probes, logouts: this.#logouts, settledAt };
  }

  async stop(): Promise<void> {
    await this.rest();
    await this.stack.stop();
    this.#frontDoor?.close();
    this.road.close();
  }

  /** @returns what is still broken at the end */
  async #settle(withinMs: number): Promise<Breach[]> {
    const limit = performance.now() + withinMs;
    let found: Breach[];
    do {
      await this.#becomeWhole(limit);
      const settledAt = performance.now();
      await delay(1_000);
      found = breaches(this.history(settledAt), this.#hardLimitMs);
    } while (found.length > 0 && performance.now() < limit);
    return found;
  }

  /** Without receipts the promise about them would be kept by nobody. */
  async #breachesOfReceipts(withinMs: number): Promise<Breach[]> {
    try {
      await this.untilReceipts(withinMs);
    } catch {
      const text = `no logout had all its receipts within ${String(withinMs / 1000)} s`;
      return [{ kind: 'not_healed', text }];
    }
    await delay(STEADY_MS);
    return breaches(this.history(Infinity), this.#hardLimitMs);
  }

  async #becomeWhole(limit: number): Promise<void> {
    let wholeSince = Infinity;
    while (performance.now() < limit && performance.now() - wholeSince < STEADY_MS) {
      await delay(100);
      wholeSince = (await this.#isWhole()) ? Math.min(wholeSince, performance.now()) : Infinity;
    }
  }

  async #isWhole(): Promise<boolean> {
    const ended = new Set(this.#logouts.map(({ token }) => token));
    const unsure = new Set(
      this.#logouts.filter(({ status }) => status === 'failed').map(({ token }) => token),
    );
    for (const service of SERVICES) {
      for (const token of this.#inUse) {
        const answer = await this.answerOf(service, token);
        const wanted = ended.has(token) ? 'refused' : 'accepted';
        if (!unsure.has(token) && answer !== wanted) return false;
      }
    }
    return true;
  }

  async #probeOn(service: Probe['service']): Promise<void> {
    const isOver = () => this.#enough.signal.aborted;
    while (!isOver()) {
      for (const token of this.#inUse) {
        if (isOver()) return;
        this.#probes.push(await this.#probe(service, token));
        await delay(PAUSE_BETWEEN_PROBES_MS);
      }
      await delay(1);
    }
  }

  async #probe(service: Probe['service'], token: number): Promise<Probe> {
    const began = performance.now();
    const answer = await fetch(this.stack.url(service, `/${service}`), {
      headers: bearer(this.#tokens[token]!),
      signal: AbortSignal.timeout(5_000),
    }).then(answerFrom, () => 'unreachable' as const);
    return { token, service, began, ended: performance.now(), answer };
  }

  /** A number that a replica tells; `undefined` when it does not answer. */
  async #metric(name: IdentityName, metric: string): Promise<number | undefined> {
    const text = await fetch(`${this.operatorUrl(name)}/metrics`, {
      signal: AbortSignal.timeout(1_000),
    }).then(
      (answer) => answer.text(),
      () => '',
    );
    const found = new RegExp(`^${metric}(?:\\{.*\\})? (\\d+)$`, 'm').exec(text);
    return found ? Number(found[1]) : undefined;
  }

  #publicUrl(name: IdentityName, path: string): string {
    return `http://localhost:${this.identityPorts[name].PUBLIC_PORT}${path}`;
  }
}

interface Account {
  readonly email: string;
  readonly password: string;
}

interface IdentityPorts extends Record<string, string> {
  PUBLIC_PORT: string;
  SERVICE_PORT: string;
  OPERATOR_PORT: string;
}

async function answerFrom(response: Response): Promise<Answer> {
  await response.arrayBuffer();
  if (response.ok) return 'accepted';
  if (response.status === 401) return 'refused';
  return response.status === 503 ? 'unavailable' : 'broken';
}

async function statusOf(response: Response): Promise<Logout['status']> {
  const body = await response.text();
  if (response.status === 200) return 'applied';
  return response.status === 202 && body.includes('pending') ? 'pending' : 'failed';
}
