import { TokenRejected } from '@countersign/token-verifier';
import type { RevocationEvent } from '@countersign/revocation';
import type { AccessToken } from '@countersign/token-verifier';
import type { IssuedToken } from '../access-tokens/access-tokens.js';
import { DomainError } from '../platform/domain-error.js';
import type { KnownSession } from '../sessions/session-lookup.js';
import type { SwapOutcome } from './swap-metrics.js';
import { Pace } from '../sessions/admission/pace.js';
import { Swaps } from './swaps.js';
import type { SwapParts } from './swaps.js';

const SID = '8a9d3f4e-0000-4000-8000-000000000000';
const COOKIE = `${SID}.${'a'.repeat(43)}`;
const SETTINGS = {
  maxSessions: 1_000,
  atOnce: 2,
  leastLifeSeconds: 20,
  lookAgainSeconds: 60,
};
const PER_SECOND = 20;
const sidOf = (cookie: string) => cookie.split('.')[0] ?? '';

/** Identity as far as a swap sees it, at a time that the test sets, seconds. */
class Around {
  now = 0;
  sessionEnd = 100_000;
  state: KnownSession['state'] = 'live';
  database: 'here' | 'away' = 'here';
  isRevoked = false;
  looked = 0;
  minted = 0;
  atOnce = 0;
  mostAtOnce = 0;
  readonly outcomes: SwapOutcome[] = [];
  /** A mint waits for it. */
  hold: Promise<void> = Promise.resolve();
  /** A look at the database waits for what it gives. */
  holdLook: () => Promise<void> = () => Promise.resolve();

  readonly swaps: Swaps;

  constructor(maxUnderWay = 2) {
    const parts: SwapParts = {
      nowMs: () => this.now * 1000,
      pace: new Pace(PER_SECOND, 0, () => 0.5),
      count: (outcome) => this.outcomes.push(outcome),
      lookup: { byCookie: (cookie) => this.#inTime(() => this.#look(sidOf(cookie))) },
      tokens: { issueForCookie: (cookie) => this.#inTime(() => this.#mint(sidOf(cookie))) },
      verifier: {
        verify: () =>
          this.isRevoked
            ? Promise.reject(new TokenRejected('revoked', 'a test'))
            : Promise.resolve({} as AccessToken),
      },
    };
    this.swaps = new Swaps(parts, { ...SETTINGS, maxUnderWay });
  }

  swap = (cookie = COOKIE) => this.swaps.swap(cookie, 'orders');

  /** Notes how many were at the database at once. */
  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    return work().finally(() => (this.atOnce -= 1));
  }

  async #look(sid: string): Promise<KnownSession> {
    this.looked += 1;
    await this.holdLook();
    if (this.database === 'away') throw new DomainError('database_unavailable');
    return { state: this.state, sid, expiresAt: this.sessionEnd } as KnownSession;
  }

  async #mint(sid: string): Promise<IssuedToken> {
    this.minted += 1;
    const header = Buffer.from('{"alg":"RS256","kid":"k1"}').toString('base64url');
    const encoded = `${header}.${String(this.minted)}.x`;
    const { now } = this;
    await this.hold;
    const exp = Math.min(now + 300, Math.floor(this.sessionEnd));
    return { encoded, claims: { sid, iat: now, exp } } as IssuedToken;
  }
}

it('a token is handed out while enough of its life is left, and the session is looked at once a minute', async () => {
  const around = new Around();
  const first = await around.swap();
  for (around.now = 1; around.now < 280; around.now += 1) expect(await around.swap()).toBe(first);
  expect([around.minted, around.looked]).toEqual([1, 5]);
  expect(await around.swap()).not.toBe(first);
  expect(around.minted).toBe(2);
});

it('in its last seconds a session keeps its last token: another would not live longer', async () => {
  const around = new Around();
  around.sessionEnd = 10.5;
  const first = await around.swap();
  around.now = 9;
  expect(await around.swap()).toBe(first);
  around.state = 'expired';
  around.now = 11;
  await expect(around.swap()).rejects.toMatchObject({ code: 'session_ended' });
  expect(around.minted).toBe(1);
});

it('without the database tokens go on until too little of their life is left; there are no new ones', async () => {
  const around = new Around();
  const first = await around.swap();
  around.database = 'away';
  for (const now of [30, 61, 62, 279]) {
    around.now = now;
    expect(await around.swap()).toBe(first);
  }
  // Not asked about at every request: it may take long to say nothing.
  expect(around.looked).toBe(3);
  const other = COOKIE.replaceAll('a', 'b').replace(/^[^.]*/, SID);
  for (const cookie of [other, COOKIE]) {
    around.now = 280;
    await expect(around.swap(cookie)).rejects.toMatchObject({ code: 'database_unavailable' });
  }
});

it('a token that is revoked is not handed out, whatever is remembered', async () => {
  const around = new Around();
  await around.swap();
  around.isRevoked = true;
  await expect(around.swap()).rejects.toMatchObject({ code: 'revocation_in_progress' });
  around.isRevoked = false;
  await around.swap();
  expect(around.minted).toBe(4);
});

it('another cookie of the session since: nothing that was under way is remembered', async () => {
  const around = new Around();
  let release!: () => void;
  around.hold = new Promise((resolve) => (release = resolve));
  const early = around.swap();
  await settled(() => around.minted === 1);
  around.swaps.noteRenewal(SID);
  const late = around.swap();
  await settled(() => around.minted === 2);
  release();
  expect(await early).not.toBe(await late);
  around.state = 'ended';
  around.swaps.noteRenewal(undefined);
  await expect(around.swap()).rejects.toMatchObject({ code: 'session_ended' });
});

it('many who ask for one session ask once; too many sessions at once are turned away', async () => {
  const around = new Around();
  let release!: () => void;
  around.hold = new Promise((resolve) => (release = resolve));
  const cookies = ['a', 'b', 'c'].map((letter) => `${SID}.${letter.repeat(43)}`);
  const [a, b, c] = cookies.map((cookie) => around.swap(cookie));
  const again = around.swap(cookies[0]);
  await expect(c).rejects.toMatchObject({ code: 'overloaded' });
  release();
  expect(await again).toBe(await a);
  await b;
  expect(around.minted).toBe(2);
  expect(around.outcomes.sort()).toEqual(['issued', 'issued', 'joined', 'turned_away']);
});

it('junk that is under way keeps nobody waiting whose token is remembered', async () => {
  const around = new Around();
  const mine = await around.swap();
  around.now = SETTINGS.lookAgainSeconds;
  const releases: (() => void)[] = [];
  around.holdLook = () => new Promise((resolve) => releases.push(resolve));
  const junk = ['a', 'b', 'c'].map((letter) =>
    around.swap(`${SID.replace('8', letter)}.${letter.repeat(43)}`),
  );
  await expect(junk[2]).rejects.toMatchObject({ code: 'overloaded' });
  await settled(() => releases.length === SETTINGS.atOnce);
  // Every place is taken, and no more junk is let in.
  const due = around.swap();
  releases.shift()?.();
  await settled(() => releases.length === SETTINGS.atOnce);
  releases.splice(0).forEach((release) => release());
  expect(await due).toBe(mine);
  expect(around.outcomes).toContain('looked_up');
  await Promise.all(junk.slice(0, 2));
});

it('who is remembered comes before those who wait by the pace', async () => {
  const around = new Around(1_000);
  await around.swap();
  around.now = SETTINGS.lookAgainSeconds;
  const order: string[] = [];
  const junk = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) =>
    around.swap(`${SID.replace('8', letter)}.${letter.repeat(43)}`).then(() => order.push(letter)),
  );
  const due = around.swap().then(() => order.push('due'));
  await Promise.all([...junk, due]);
  // Those that were at the database already.
  expect(order.indexOf('due')).toBeLessThanOrEqual(SETTINGS.atOnce);
});

it('when everybody’s token dies at once, they are served at a pace, few at a time, each once; who has a token waits for nobody', async () => {
  const around = new Around(1_000);
  const cookies = Array.from({ length: 200 }, (_, n) =>
    COOKIE.replace(/^.{8}/, String(n).padStart(8, '0')),
  );
  const come = async (cookie: string) => {
    const answers = await Promise.allSettled([around.swap(cookie), around.swap(cookie)]);
    return answers.map((answer) =>
      answer.status === 'fulfilled'
        ? 0
        : ((answer.reason as DomainError).retryAfterSeconds ?? Number.NaN),
    );
  };
  const rush = async () => {
    const coming = new Map(cookies.map((cookie) => [cookie, around.now]));
    for (; coming.size > 0; around.now += 1) {
      const due = [...coming].filter(([, at]) => at <= around.now);
      const minted = around.minted;
      for (const [cookie, waits] of await Promise.all(
        due.map(async ([cookie]) => [cookie, await come(cookie)] as const),
      )) {
        const wait = Math.max(...waits);
        if (wait === 0) coming.delete(cookie);
        else coming.set(cookie, around.now + wait);
      }
      expect(around.minted - minted).toBeLessThanOrEqual(PER_SECOND);
    }
  };
  await rush();
  around.swaps.noteRevocation({ kind: 'kid', id: 'k1' } as RevocationEvent);
  expect(around.swaps.remembered).toBe(0);
  const begun = around.now;
  await rush();
  expect(around.minted).toBe(2 * cookies.length);
  expect(around.now - begun).toBeLessThan((4 * cookies.length) / PER_SECOND);
  expect(around.mostAtOnce).toBe(SETTINGS.atOnce);
  // Looked at again together, and nobody is turned away.
  around.outcomes.length = 0;
  around.now += SETTINGS.lookAgainSeconds;
  await Promise.all(cookies.map(come));
  expect(new Set(around.outcomes)).toEqual(new Set(['looked_up', 'joined']));
  expect(around.mostAtOnce).toBe(SETTINGS.atOnce);
});

it('cookies of nobody keep nobody waiting', async () => {
  const around = new Around();
  around.state = 'ended';
  for (let n = 0; n < 5 * PER_SECOND; n += 1) {
    await expect(around.swap()).rejects.toMatchObject({ code: 'session_ended' });
  }
});

it('what is no cookie of ours is refused without asking anybody', async () => {
  const around = new Around();
  for (const cookie of ['', 'x', SID, `${COOKIE}a`]) {
    await expect(around.swap(cookie)).rejects.toMatchObject({ code: 'session_ended' });
  }
  expect(around.looked).toBe(0);
});

/** Until what runs in turns of this process has come so far. */
async function settled(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
