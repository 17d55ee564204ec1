import fc from 'fast-check';
import { MOST_PUBLISHED, planRotation } from './rotation-plan.js';
import type { RingKey, RotationPolicy, RotationStep } from './rotation-plan.js';

const LIFETIME = 300;
const MARGIN = 120;
/** An instance is counted on so long after its last report. */
const COUNTED = 75;
/** Verifiers take no key set of more. */
const MOST_KEYS = 32;

interface ModelKey {
  kid: string;
  state: RingKey['state'];
  preparedAt: number;
  activatedAt: number | null;
  retiredAt: number | null;
  tokensUntil: number | null;
  readonly publishedAtTrue: number;
}
interface Instance {
  holds: string[];
  countedUntil: number;
}

type Event =
  | { readonly type: 'serve' | 'outage'; readonly seconds: number }
  | { readonly type: 'clock_step'; readonly seconds: number }
  | { readonly type: 'mint' }
  | { readonly type: 'report'; readonly instance: number; readonly fetches: boolean }
  | { readonly type: 'request'; readonly forced: boolean }
  /** An operator brings in a key from elsewhere, or revokes one. */
  | { readonly type: 'import' }
  | { readonly type: 'revoke'; readonly state: 'prepared' | 'active' | 'retired' }
  /** A replica looks, and dies after so many steps. */
  | { readonly type: 'turn'; readonly crashAfter: number };

/** A world in which everything happens in the worst order; it complains when an invariant is broken. */
class World {
  readonly keys: ModelKey[] = [];
  readonly tokens: { kid: string; mintedAtTrue: number; exp: number }[] = [];
  readonly instances: Instance[] = Array.from({ length: 3 }, () => ({
    holds: [],
    countedUntil: -1,
  }));
  requested: { at: number; forced: boolean } | null = null;
  readonly broken: string[] = [];
  #true = 0;
  #ran = 0;
  #offset = 1_800_000_000;
  #highest = 0;
  #made = 0;
  #outageEndedAt = -COUNTED;
  #begun = false;

  constructor(private readonly policy: RotationPolicy) {}

  happen(event: Event): void {
    switch (event.type) {
      case 'serve':
        this.#true += event.seconds;
        this.#ran += event.seconds;
        break;
      case 'outage':
        this.#true += event.seconds;
        this.#outageEndedAt = this.#ran;
        break;
      case 'clock_step':
        this.#offset += event.seconds;
        break;
      case 'mint':
        this.#mint();
        break;
      case 'report':
        this.#report(this.instances[event.instance]!, event.fetches);
        break;
      case 'request':
        this.requested ??= { at: this.#ran, forced: event.forced };
        break;
      case 'import':
        if (
          this.#begun &&
          this.#in('prepared').length < 4 &&
          this.published.length < MOST_PUBLISHED
        )
          this.#add('prepared');
        break;
      case 'revoke':
        this.#revoke(event.state);
        break;
      case 'turn':
        this.#turn(event.crashAfter);
    }
    this.#highest = Math.max(this.#highest, this.#wall);
  }

  get #wall(): number {
    return this.#true + this.#offset;
  }

  #in(state: RingKey['state']): ModelKey[] {
    return this.keys.filter((key) => key.state === state);
  }

  get published(): ModelKey[] {
    return this.keys.filter(({ state }) => state !== 'purged' && state !== 'revoked');
  }

  #mint(): void {
    const [key] = this.#in('active');
    if (!key) return;
    this.tokens.push({ kid: key.kid, mintedAtTrue: this.#true, exp: this.#wall + LIFETIME });
  }

  #report(instance: Instance, fetches: boolean): void {
    if (fetches) {
      instance.holds = this.published.map(({ kid }) => kid);
    }
    instance.countedUntil = this.#ran + COUNTED;
  }

  #turn(crashAfter: number): void {
    const reports = {
      complete: this.#ran >= this.#outageEndedAt + COUNTED,
      instances: this.instances.map(({ holds, countedUntil }, n) => ({
        service: 'orders',
        instanceId: String(n),
        kids: holds,
        countedUntil,
      })),
    };
    const now = { ran: this.#ran, wall: this.#wall };
    const ring = { keys: this.keys, requested: this.requested };
    const { steps } = planRotation(ring, reports, this.policy, now);
    for (const step of steps.slice(0, crashAfter)) {
      this.#apply(step);
      this.#check(step);
    }
    if (crashAfter >= steps.length) this.#begun = true;
    if (this.#begun && this.#in('prepared').length === 0) this.broken.push('no key is prepared');
  }

  #apply(step: RotationStep): void {
    if (step.do === 'add') {
      this.#add(step.as);
      return;
    }
    const key = this.keys.find(({ kid }) => kid === step.kid)!;
    if (step.do === 'purge') {
      key.state = 'purged';
      return;
    }
    const retired = this.keys.find(({ kid }) => kid === step.retires);
    if (retired) {
      retired.state = 'retired';
      retired.retiredAt = this.#ran;
      retired.tokensUntil = Math.max(this.#wall, this.#highest) + LIFETIME + MARGIN;
    }
    this.#checkActivation(key, retired);
    key.state = 'active';
    key.activatedAt = this.#ran;
    this.requested = null;
  }

  #add(as: 'prepared' | 'active'): ModelKey {
    this.#made += 1;
    const key: ModelKey = {
      kid: `k${String(this.#made)}`,
      state: as,
      preparedAt: this.#ran,
      activatedAt: as === 'active' ? this.#ran : null,
      retiredAt: null,
      tokensUntil: null,
      publishedAtTrue: this.#true,
    };
    this.keys.push(key);
    return key;
  }

  /** As the operator's command does it: with the signer replaced in the same transaction. */
  #revoke(state: 'prepared' | 'active' | 'retired'): void {
    const [key] = this.#in(state);
    if (!key || !this.#begun) return;
    key.state = 'revoked';
    if (state === 'active') {
      const next = this.#in('prepared')[0] ?? this.#add('prepared');
      next.state = 'active';
      next.activatedAt = this.#ran;
      this.requested = null;
    }
    if (this.#in('active').length !== 1) this.broken.push('a revocation leaves no signer, or two');
    // Until the next turn none may be prepared.
    this.#begun = false;
  }

  #checkActivation(key: ModelKey, retired: ModelKey | undefined): void {
    if (!retired || this.requested?.forced) return;
    const published = this.#true - key.publishedAtTrue;
    if (published < this.policy.publishFor) this.broken.push('it was not published long enough');
    const live = this.instances.filter(({ countedUntil }) => countedUntil >= this.#ran);
    const agreed = live.length > 0 && live.every(({ holds }) => holds.includes(key.kid));
    const waited = published >= this.policy.publishFor + this.policy.patience;
    if (!agreed && !(waited && this.policy.pastDeadline === 'go_on')) {
      this.broken.push('somebody live does not hold it');
    }
  }

  #check(step: RotationStep): void {
    if (this.#in('active').length !== 1) {
      this.broken.push(`${String(this.#in('active').length)} signers after ${step.do}`);
    }
    if (this.published.length > MOST_KEYS) this.broken.push('more keys than verifiers take');
    if (step.do !== 'purge') return;
    for (const { kid, mintedAtTrue, exp } of this.tokens) {
      if (kid !== step.kid) continue;
      if (this.#true < mintedAtTrue + LIFETIME || this.#wall < exp) {
        this.broken.push('it was purged with live tokens');
      }
    }
  }
}

const seconds = fc.integer({ min: 0, max: 700 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('serve' as const), seconds }) },
  fc.record({ type: fc.constant('outage' as const), seconds }),
  fc.record({
    type: fc.constant('clock_step' as const),
    seconds: fc.integer({ min: -90_000, max: 90_000 }),
  }),
  { weight: 3, arbitrary: fc.constant({ type: 'mint' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('report' as const),
      instance: fc.nat(2),
      fetches: fc.boolean(),
    }),
  },
  fc.record({ type: fc.constant('request' as const), forced: fc.boolean() }),
  fc.constant({ type: 'import' as const }),
  fc.record({
    type: fc.constant('revoke' as const),
    state: fc.constantFrom('prepared' as const, 'active' as const, 'retired' as const),
  }),
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant('turn' as const), crashAfter: fc.nat(4) }),
  },
);
const policies = fc.record({
  rotateAfter: fc.integer({ min: 200, max: 2_000 }),
  publishFor: fc.integer({ min: 10, max: 200 }),
  patience: fc.integer({ min: 0, max: 300 }),
  pastDeadline: fc.constantFrom('go_on' as const, 'hold' as const),
  tokensLiveFor: fc.constant(LIFETIME + MARGIN),
});

it('no schedule, crash or clock step leaves no signer or two, one not published long enough, or live tokens of an unpublished key', () => {
  const activations: string[] = [];
  const purges: string[] = [];
  fc.assert(
    fc.property(policies, fc.array(event, { minLength: 20, maxLength: 120 }), (policy, events) => {
      const world = new World(policy);
      for (const one of events) {
        world.happen(one);
        expect(world.broken).toEqual([]);
      }
      for (const { kid, state } of world.keys) {
        if (state === 'retired') activations.push(kid);
        if (state === 'purged') purges.push(kid);
      }
    }),
    { numRuns: 300 },
  );
  // What never happened would not have been tested.
  expect(activations.length).toBeGreaterThan(10);
  expect(purges.length).toBeGreaterThan(10);
});

it('when everybody reports, a key follows a key by the calendar alone', () => {
  fc.assert(
    fc.property(policies, (policy) => {
      const world = new World(policy);
      for (let step = 0; step < 100; step += 1) {
        for (const instance of [0, 1, 2]) world.happen({ type: 'report', instance, fetches: true });
        world.happen({ type: 'turn', crashAfter: 9 });
        world.happen({ type: 'serve', seconds: 60 });
      }
      expect(world.broken).toEqual([]);
      expect(world.keys.length).toBeGreaterThanOrEqual(
        2 + Math.floor(6_000 / (policy.rotateAfter + 60 + policy.publishFor)),
      );
    }),
    { numRuns: 50 },
  );
});

it('however often an operator forces it, or revokes and brings in keys, no more are published than verifiers take, and it goes on', () => {
  const often = fc.array(
    fc.constantFrom<Event>(
      { type: 'request', forced: true },
      { type: 'import' },
      { type: 'revoke', state: 'prepared' },
      { type: 'serve', seconds: 1 },
    ),
    { minLength: 100, maxLength: 200 },
  );
  let most = 0;
  fc.assert(
    fc.property(policies, often, (policy, events) => {
      const world = new World(policy);
      for (const one of [...events, { type: 'request', forced: true } as const]) {
        world.happen(one);
        world.happen({ type: 'turn', crashAfter: 9 });
        most = Math.max(most, world.published.length);
      }
      world.happen({ type: 'serve', seconds: LIFETIME + MARGIN });
      world.happen({ type: 'turn', crashAfter: 99 });
      world.happen({ type: 'turn', crashAfter: 99 });
      expect([world.broken, world.requested]).toEqual([[], null]);
    }),
    { numRuns: 50 },
  );
  // What never happened would not have been tested.
  expect(most).toBeGreaterThanOrEqual(MOST_PUBLISHED);
});
