import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { startThrowAwayRedis } from '@countersign/test-kit';
import type { ThrowAwayRedis } from '@countersign/test-kit';
import type { Breach } from '../chaos/checker.js';
import { IDENTITIES, SERVICES, Town } from '../chaos/town.js';
import { makeCertificate } from '../gateways/certificate.js';
import { startEdge } from '../gateways/edges.js';
import type { Edge } from '../gateways/edges.js';
import { freePorts } from '../stack.js';
import { Chance } from './chance.js';
import { Disturbances } from './disturbances.js';
import { faultsOf, pickVictims } from './faults.js';
import type { Fault, Victims } from './faults.js';
import { growthOf } from './growth.js';
import { Load } from './load.js';
import { UsageLog } from './usage.js';
import { slopesInWords, verdictOf } from './verdict.js';
import type { Verdict } from './verdict.js';

/** After a fault all must be well again within so long. */
const SETTLED_WITHIN_MS = 60_000;
const STALENESS_LIMITS = '5/20';
const SAMPLE_MS = 2_000;
const PROGRESS_MS = 10_000;
const ERRORS_SHOWN = 20;
/** Of each process: compiled code, connections and heaps grow until then. A quarter of a short run. */
const WARM_UP_MS = 120_000;
/** A process that was measured for less than this share of the run, in its second half, says nothing about leaks. */
const MEASURED_SHARE = 0.4;
const loading = (file: URL) => `--import=${fileURLToPath(file)}`;
const COLLECTING = loading(new URL('collect-garbage.mjs', import.meta.url));
const BREAKING = loading(new URL('broken-service.mjs', import.meta.url));
const ANN = { email: 'ann@example.test', password: 'a password of the town' };
const BOB = { email: 'bob@example.test', password: 'another password of the town' };

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  /** For the self-check: a relying service accepts what it should not, and leaks. */
  readonly isBroken?: boolean;
}

/**
 * Mixed load on a whole installation while one thing after another breaks: what was promised must hold, and what the processes hold
 * must not grow.
 */
export async function soak(options: SoakOptions): Promise<Verdict> {
  const redis = await startThrowAwayRedis();
  let town: Town | undefined;
  let nginx: Edge | undefined;
  try {
    const chance = new Chance(options.seed);
    const victims = pickVictims(chance);
    town = await startTown(redis, victims, options.isBroken ?? false);
    nginx = await startNginx(town);
    return await new Soak(town, nginx, redis, chance, victims, options).run();
  } finally {
    await nginx?.stop();
    await town?.stop();
    await redis.stop();
  }
}

/** In front of the same installation as the Node gateway. */
async function startNginx({ stack: { ports } }: Town): Promise<Edge> {
  const [port = 0, managementPort = 0, tlsPort = 0] = await freePorts(3);
  const at = (listener: string) => `localhost:${String(ports[listener])}`;
  return startEdge('nginx', {
    identityPublic: at('public'),
    identityService: at('service'),
    orders: at('orders'),
    payments: at('payments'),
    port,
    managementPort,
    tls: { ...(await makeCertificate()), port: tlsPort },
  });
}

/** The service that is never killed is the one that is broken. */
async function startTown(redis: ThrowAwayRedis, victims: Victims, isBroken: boolean) {
  const env = {
    STALENESS_LIMITS,
    LOG_LEVEL: 'warn',
    NODE_OPTIONS: COLLECTING,
    REDIS_URL: redis.url,
    FORWARD_AUTH_PEERS: '127.0.0.0/8,::1',
    JWKS_CACHE_SECONDS: '1',
    KEY_PUBLICATION_SECONDS: '1',
  };
  const survivor = SERVICES.find((service) => service !== victims.service)!;
  const broken = { [survivor]: { NODE_OPTIONS: `${COLLECTING} ${BREAKING}` } };
  const town = await Town.start(env, isBroken ? broken : {});
  await town.openFrontDoor();
  return town;
}

class Soak {
  readonly #disturbances = new Disturbances();
  readonly #breaches: Breach[] = [];
  readonly #usage: UsageLog;
  #load!: Load;
  #round: Fault[] = [];
  #faults = 0;
  #began = 0;

  constructor(
    private readonly town: Town,
    private readonly nginx: Edge,
    private readonly redis: ThrowAwayRedis,
    private readonly chance: Chance,
    private readonly victims: Victims,
    private readonly options: SoakOptions,
  ) {
    this.#usage = new UsageLog(town, [...IDENTITIES, ...SERVICES, 'gateway']);
  }

  async run(): Promise<Verdict> {
    const entrances = [
      { origin: this.town.stack.url('gateway'), asks: false },
      { origin: this.nginx.origin, asks: true },
    ];
    this.#load = new Load(this.town, entrances, this.#disturbances, await this.#addUsers());
    this.#began = performance.now();
    this.#load.start();
    const sampling = setInterval(() => this.#usage.sample(), SAMPLE_MS);
    const talking = setInterval(() => this.#sayProgress(), PROGRESS_MS);
    try {
      const ms = this.options.minutes * 60_000;
      while (performance.now() - this.#began < ms) await this.#breakSomething();
    } finally {
      // What is under way is part of the run, which must be measured to its end.
      await this.#load.stop();
      clearInterval(sampling);
      clearInterval(talking);
    }
    const verdict = this.#verdict();
    if (verdict.failures.length > 0) this.#sayErrors();
    return verdict;
  }

  async #addUsers() {
    const { stack } = this.town;
    await stack.addAccountAs('customer', BOB.email, BOB.password);
    const operatorToken = await stack.addOperator('soak', ['read', 'keys']);
    const env = {
      ...this.town.operatorSettings('identity-a'),
      PATH: process.env['PATH'] ?? '',
      COUNTERSIGN_OPERATOR_TOKEN: operatorToken,
    };
    const scope = 'orders:read,payments:read';
    const args = ['clients', 'add', 'billing', '--audience', 'orders,payments', '--scope', scope];
    const { code, out, err } = await stack.cli([...args, '--json'], env);
    if (code !== 0) throw new Error(`the client was not made: ${err}`);
    const { client_secret: secret } = JSON.parse(out) as { client_secret: string };
    return { account: ANN, client: { id: 'billing', secret }, operatorToken };
  }

  /** One fault, with logouts before it, during it and afterwards; then all must become well. */
  async #breakSomething(): Promise<void> {
    const { town, chance } = this;
    if (this.#round.length === 0)
      this.#round = chance.shuffle(faultsOf(town, this.redis, this.victims));
    const fault = this.#round.pop()!;
    const tokens = await this.#signIn();
    town.startProbing();
    await delay(chance.between(1_000, 4_000));
    await town.logout(tokens.ann[0]!, 'identity-a');
    await town.logout(tokens.ann[1]!, 'identity-b', '');
    this.#say(fault.name);
    this.#faults += 1;
    const over = this.#disturbances.begin(fault.parts);
    await fault.begin();
    const ends = [
      town.logout(tokens.ann[2]!, chance.pick(IDENTITIES)),
      town.logout(tokens.ann[3]!, chance.pick(IDENTITIES), ''),
      town.endAll(tokens.bob, chance.pick(IDENTITIES)),
    ];
    await delay(chance.between(2_000, 6_000));
    await fault.end();
    await Promise.all(ends);
    over();
    await town.logout(tokens.ann[4]!, chance.pick(IDENTITIES));
    this.#breaches.push(
      ...(await town.findBreaches(this.options.isBroken ? 3_000 : SETTLED_WITHIN_MS)),
    );
    this.#judgeTown();
  }

  async #signIn() {
    const { town } = this;
    return {
      ann: [...(await town.signIn(4, 'identity-a')), ...(await town.signIn(4, 'identity-b'))],
      bob: await town.signIn(2, this.chance.pick(IDENTITIES), BOB),
    };
  }

  /** Which of the answers that the town saw should not have been. */
  #judgeTown(): void {
    const { probes, logouts } = this.town.history(0);
    for (const { service, answer, began, ended } of probes) {
      const status = { accepted: 200, refused: 401, unavailable: 503, unreachable: 0, broken: 500 };
      this.#load.judge(service, status[answer], [service], began, ended);
    }
    for (const { status, asked, answered } of logouts)
      this.#load.judge('a logout', status === 'failed' ? 503 : 200, ['identity'], asked, answered);
  }

  #verdict(): Verdict {
    const ms = performance.now() - this.#began;
    const minutes = ms / 60_000;
    const measuring = {
      warmUpMs: Math.min(WARM_UP_MS, ms / 4),
      halfAt: this.#began + ms / 2,
      enoughMs: ms * MEASURED_SHARE,
    };
    const growths = this.#usage.lives().flatMap((life) => growthOf(life, measuring) ?? []);
    for (const slope of slopesInWords(growths)) this.#say(slope);
    return verdictOf({
      minutes,
      requests: this.#load.requests,
      faults: this.#faults,
      rotations: this.#load.rotations,
      breaches: this.#breaches,
      unexpected: this.#load.unexpected,
      refusals: this.#load.refusals,
      growths,
    });
  }

  #sayProgress(): void {
    const { requests, unexpected } = this.#load;
    const held = [...this.#usage.newest()].flatMap(([name, { rssMb, fds }]) =>
      name.includes('/') ? [] : [`${name} ${rssMb.toFixed(0)} MB ${String(fds)} fds`],
    );
    const broken = this.#breaches.length + unexpected.length;
    this.#say(
      `${requests} requests, ${this.#faults} faults, ${broken} breaches; ${held.join(', ')}`,
    );
  }

  /** What the processes said of what they did not expect. */
  #sayErrors(): void {
    const errors = this.town.stack.logs().match(/^.*"level":"(?:error|fatal)".*$/gm) ?? [];
    for (const line of errors.slice(-ERRORS_SHOWN)) this.options.say(line);
  }

  #say(text: string): void {
    const seconds = Math.floor((performance.now() - this.#began) / 1000);
    const at = `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
    this.options.say(`  ${at}  ${text}`);
  }
}
