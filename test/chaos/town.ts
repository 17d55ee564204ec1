import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bearer, freePorts, post, Stack, until } from '../stack.js';
import { brokenPromises } from './checker.js';
import type { Answer, History, Logout, Probe } from './checker.js';
import { ServiceRoad } from './service-road.js';

/** Staleness of every service here, seconds: short, so that a fault outlives it within a test. */
const SOFT_SECONDS = 2;
const HARD_SECONDS = 6;
/** What the clocks of a check may differ by, and a request take, milliseconds. */
const SLACK_MS = 1_000;
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
  readonly #inUse = new Set<number>();
  #probes: Probe[] = [];
  #logouts: Logout[] = [];
  #probing: Promise<unknown> = Promise.resolve();
  #enough = new AbortController();

  private constructor(
    readonly stack: Stack,
    readonly road: ServiceRoad,
    private readonly identityPorts: Readonly<Record<IdentityName, IdentityPorts>>,
    private readonly account: { readonly email: string; readonly password: string },
  ) {}

  /**
   * @param env settings for every process
   * @param only settings for one process more
   */
  static async start(
    env: Record<string, string> = {},
    only: Readonly<Partial<Record<(typeof SERVICES)[number], Record<string, string>>>> = {},
  ): Promise<Town> {
    const limits = `${String(SOFT_SECONDS)}/${String(HARD_SECONDS)}`;
    const stack = await Stack.start([], { STALENESS_LIMITS: limits, LOG_LEVEL: 'info', ...env });
    const free = await freePorts(6);
    const portsFrom = (first: number): IdentityPorts => ({
      PUBLIC_PORT: String(free[first]),
      SERVICE_PORT: String(free[first + 1]),
      OPERATOR_PORT: String(free[first + 2]),
    });
    const ports = { 'identity-a': portsFrom(0), 'identity-b': portsFrom(3) };
    const road = await ServiceRoad.open(
      stack.ports['service']!,
      IDENTITIES.map((name) => Number(ports[name].SERVICE_PORT)),
    );
    const account = { email: 'ann@example.test', password: 'a password of the town' };
    const town = new Town(stack, road, ports, account);
    for (const name of IDENTITIES) await town.startIdentity(name);
    for (const service of SERVICES) await stack.startApp(service, { env: only[service] ?? {} });
    await stack.addAccountAs('customer', account.email, account.password);
    return town;
  }

  async startIdentity(name: IdentityName, env: Record<string, string> = {}): Promise<void> {
    await this.stack.startApp('identity', { name, env: { ...this.identityPorts[name], ...env } });
  }

  /** Settings of the command line of an operator. */
  operatorSettings(name: IdentityName): Record<string, string> {
    return {
      COUNTERSIGN_OPERATOR_URL: `http://localhost:${this.identityPorts[name].OPERATOR_PORT}`,
    };
  }

  /** The replica that writes revocations to Redis, once there is one that answers. */
  async relayLeader(): Promise<IdentityName> {
    let leader: IdentityName | undefined;
    await until(async () => {
      for (const name of IDENTITIES) {
        const url = `http://localhost:${this.identityPorts[name].OPERATOR_PORT}/metrics`;
        const metrics = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
          (answer) => answer.text(),
          () => '',
        );
        if (/^countersign_relay_leader(\{.*\})? 1$/m.test(metrics)) leader = name;
      }
      return leader !== undefined;
    }, 30_000);
    return leader!;
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
  async signIn(count: number, at: IdentityName = 'identity-a'): Promise<number[]> {
    const numbers: number[] = [];
    for (let n = 0; n < count; n += 1) {
      const answer = await post(this.#publicUrl(at, '/auth/login'), this.account);
      if (!answer.ok) throw new Error(`a sign-in was answered ${String(answer.status)}`);
      const { access_token: token } = (await answer.json()) as { access_token: string };
      numbers.push(this.#tokens.push(token) - 1);
      this.#inUse.add(this.#tokens.length - 1);
    }
    return numbers;
  }

  /** Logs out, waiting for the receipts of all services as long as identity allows. */
  async logout(token: number, at: IdentityName = 'identity-a'): Promise<Logout> {
    const asked = performance.now();
    const status = await fetch(this.#publicUrl(at, '/auth/logout'), {
      method: 'POST',
      headers: { ...bearer(this.#tokens[token]!), prefer: 'wait=2' },
      signal: AbortSignal.timeout(15_000),
    }).then(statusOf, () => 'failed' as const);
    const logout = { token, asked, answered: performance.now(), status };
    this.#logouts.push(logout);
    return logout;
  }

  async logoutAll(tokens: readonly number[], at?: IdentityName): Promise<Logout[]> {
    const logouts: Logout[] = [];
    for (const token of tokens) logouts.push(await this.logout(token, at));
    return logouts;
  }

  /** Uses all tokens at all services, again and again, until {@link judge}. */
  startProbing(): void {
    this.#probes = [];
    this.#logouts = [];
    this.#enough = new AbortController();
    this.#probing = Promise.all(SERVICES.map((service) => this.#probeOn(service)));
  }

  /** How a service answers this token just now. */
  async answerOf(service: string, token: number): Promise<Answer> {
    return (await this.#probe(service, token)).answer;
  }

  /**
   * Waits until nothing changes any more, at most `withinMs`, goes on for a second, and stops. The tokens are forgotten.
   *
   * @returns the promises that were broken
   */
  async judge(withinMs = 60_000): Promise<string[]> {
    const limit = performance.now() + withinMs;
    let broken: string[];
    do {
      await this.#becomeWhole(limit);
      const settledAt = performance.now();
      await delay(1_000);
      broken = brokenPromises(this.history(settledAt), HARD_SECONDS * 1000 + SLACK_MS);
    } while (broken.length > 0 && performance.now() < limit);
    await this.rest();
    if (broken.length === 0) return broken;
    return [...new Set(broken), ...this.stack.lastLines(25)];
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
    this.road.close();
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

  async #probeOn(service: string): Promise<void> {
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

  async #probe(service: string, token: number): Promise<Probe> {
    const began = performance.now();
    const answer = await fetch(this.stack.url(service, `/${service}`), {
      headers: bearer(this.#tokens[token]!),
      signal: AbortSignal.timeout(5_000),
    }).then(answerFrom, () => 'unreachable' as const);
    return { token, service, began, ended: performance.now(), answer };
  }

  #publicUrl(name: IdentityName, path: string): string {
    return `http://localhost:${this.identityPorts[name].PUBLIC_PORT}${path}`;
  }
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
  if (response.status === 503) return 'unavailable';
  throw new Error(`a service answered ${String(response.status)}`);
}

async function statusOf(response: Response): Promise<Logout['status']> {
  const body = await response.text();
  if (response.status === 200) return 'applied';
  return response.status === 202 && body.includes('pending') ? 'pending' : 'failed';
}
