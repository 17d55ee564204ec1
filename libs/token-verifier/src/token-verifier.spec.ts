import { createSign, generateKeyPairSync } from 'node:crypto';
import type { FeedFrame } from '@countersign/revocation';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { isTokenRejected, isVerifierUnavailable, VerifierUnavailable } from './errors.js';
import { parseKeySet } from './keys/key-set.js';
import type { CheckInAnswer, CheckInReport, KeySource, RevocationSink } from './sources.js';
import { TokenVerifier } from './token-verifier.js';
import type { Outcome, Trace } from './token-verifier.js';

const now = 1_800_000_000;
const issuer = 'https://id.example.test';
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1' };

const published = parseKeySet({ keys: [jwk] });

const goodHeader = { alg: 'RS256', typ: 'at+jwt', kid: 'k1' };
const goodClaims = {
  iss: issuer,
  sub: 'u1',
  aud: ['orders', 'payments'],
  exp: now + 300,
  iat: now,
  jti: 'j1',
  client_id: 'first-party',
  sid: 's1',
  auth_time: now,
  scope: 'orders:read orders:write',
  roles: ['customer'],
};

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function sign(header: unknown, claims: unknown, key = pair.privateKey): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createSign('sha256').update(input).sign(key, 'base64url')}`;
}
const token = (claims: object = {}, header: object = {}) =>
  sign({ ...goodHeader, ...header }, { ...goodClaims, ...claims });

const open: TokenVerifier[] = [];
afterAll(() => Promise.all(open.map((verifier) => verifier.close())));

/** A verifier on a held clock, whose channel is the returned sink. */
function verifierAt(
  clock = { wall: now * 1000, monotonic: 0 },
  keys: Partial<KeySource> = {},
  tracer?: Trace,
) {
  let sink: RevocationSink | undefined;
  let refreshes = 0;
  const checkIns = answeringCheckIns();
  const outcomes: Outcome[] = [];
  const traced: unknown[] = [];
  const verifier = new TokenVerifier({
    issuer,
    audience: 'orders',
    keys: {
      start: () => undefined,
      current: () => published,
      refreshForUnknownKey: async () => void (refreshes += 1),
      state: () => ({ kids: ['k1'], ageSeconds: 0 }),
      close: async () => undefined,
      ...keys,
    },
    revocation: {
      sources: [
        {
          name: 'test',
          start: (given) => void (sink = given),
          state: () => ({ connected: true }),
          close: async () => undefined,
        },
      ],
      checkIn: { checkIn: (report) => checkIns.take(report) },
    },
    clock: { wallMs: () => clock.wall, monotonicMs: () => clock.monotonic },
    clockToleranceSeconds: 5,
    maxLifetimeSeconds: 3600,
    staleness: { softSeconds: 10, hardSeconds: 60 },
    onOutcome: (outcome) => void outcomes.push(outcome),
    trace:
      tracer ??
      ((work) => {
        traced.push('began');
        const result: unknown = work();
        traced.push(result instanceof Promise ? 'waits' : 'verified', result);
      }),
  });
  open.push(verifier);
  const send = (frame: FeedFrame) => sink!.receive(frame);
  return { verifier, clock, send, checkIns, outcomes, traced, refreshes: () => refreshes };
}

/** Identity's side of check-ins: answers with `head`, unless it is `broken`. */
function answeringCheckIns() {
  let told: (report: CheckInReport) => void = () => undefined;
  return {
    head: 0,
    broken: false,
    last: undefined as CheckInReport | undefined,
    async take(report: CheckInReport): Promise<CheckInAnswer> {
      this.last = report;
      if (this.broken) throw new Error('away');
      // The answer arrives first, then whoever waits for the report goes on.
      setTimeout(told, 0, report);
      return { head: { epoch: 1, seq: this.head } };
    },
    /** The next report that is answered. */
    next: () => new Promise<CheckInReport>((resolve) => (told = resolve)),
  };
}

async function readyVerifier(trace?: Trace) {
  const made = verifierAt(undefined, undefined, trace);
  made.send({ type: 'begin', epoch: 1, after: 0, head: 0 });
  made.send({ type: 'end', epoch: 1, head: 0 });
  made.send({ type: 'heartbeat', heartbeat: { epoch: 1, head: 0, readAt: now, proof: 'p' } });
  await made.verifier.ready();
  return made;
}

async function codeOf(result: Promise<unknown>): Promise<string> {
  try {
    await result;
    return 'accepted';
  } catch (error) {
    if (isTokenRejected(error) || isVerifierUnavailable(error)) return error.code;
    throw error;
  }
}

it('gives the claims of a good token, and keeps its text out of logs', async () => {
  const { verifier } = await readyVerifier();
  const encoded = token();
  const verified = await verifier.verify(encoded);
  expect(verified).toMatchObject({
    issuer,
    subject: 'u1',
    audience: ['orders', 'payments'],
    tokenId: 'j1',
    clientId: 'first-party',
    sessionId: 's1',
    scopes: ['orders:read', 'orders:write'],
    roles: ['customer'],
    keyId: 'k1',
  });
  expect(verified.encoded).toBe(encoded);
  expect(JSON.stringify(verified)).not.toContain(encoded);
});

it.each([[undefined], [null], [42], [['a.b.c']]])(
  'what is no text (%j) is malformed, as a request without a token would be',
  async (given) => {
    const { verifier } = verifierAt();
    await expect(verifier.verify(given as unknown as string)).rejects.toMatchObject({
      code: 'malformed',
    });
  },
);

it('a call may name another audience, and must name one when none is configured', async () => {
  const { verifier } = await readyVerifier();
  await expect(verifier.verify(token(), { audience: 'payments' })).resolves.toBeDefined();
  expect(await codeOf(verifier.verify(token(), { audience: 'identity' }))).toBe('wrong_audience');
});

// Each single fault has a vector (vectors/access-tokens.json); here is what vectors cannot say.
it('accepts a token of a key whose modulus does not end with a byte', async () => {
  const odd = generateKeyPairSync('rsa', { modulusLength: 2050 });
  const keys = parseKeySet({ keys: [{ ...odd.publicKey.export({ format: 'jwk' }), kid: 'k1' }] });
  const { verifier, send } = verifierAt(undefined, { current: () => keys });
  send({ type: 'begin', epoch: 1, after: 0, head: 0 });
  send({ type: 'end', epoch: 1, head: 0 });
  send({ type: 'heartbeat', heartbeat: { epoch: 1, head: 0, readAt: now, proof: 'p' } });
  await verifier.ready();
  const signed = sign(goodHeader, goodClaims, odd.privateKey);
  await expect(codeOf(verifier.verify(signed))).resolves.toBe('accepted');
});

describe('rejects', () => {
  it('any other spelling of the same signature', async () => {
    const { verifier } = await readyVerifier();
    const encoded = token();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(encoded.at(-1)!);
    // 256 bytes end in two unused bits: three other characters decode to the same bytes.
    for (const spelling of [1, 2, 3].map((bits) => alphabet[last ^ bits]!)) {
      expect(await codeOf(verifier.verify(encoded.slice(0, -1) + spelling))).toMatch(
        /malformed|bad_signature/,
      );
    }
  });

  it('any token with one character changed, left out or added, wherever it is', async () => {
    const { verifier } = await readyVerifier();
    const encoded = token();
    expect(await codeOf(verifier.verify(encoded))).toBe('accepted');
    const characters = fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), {
      numRuns: encoded.length,
    });
    for (const [at, character] of characters.entries()) {
      const [before, after] = [encoded.slice(0, at), encoded.slice(at + 1)];
      const old = encoded.charAt(at);
      const variants = [
        before + after,
        encoded.slice(0, at) + old + encoded.slice(at),
        before + character + after,
        before + String.fromCharCode(old.charCodeAt(0) + 1) + after,
        before + String.fromCharCode(old.charCodeAt(0) ^ 0x20) + after,
        // Looks the same to whoever keeps only the low byte of a character.
        before + String.fromCharCode(old.charCodeAt(0) + 0x100) + after,
      ].filter((text) => text !== encoded);
      for (const text of variants) {
        if ((await codeOf(verifier.verify(text))) === 'accepted')
          throw new Error(`accepted with a change at ${String(at)}: ${text}`);
      }
    }
  });

  it('anything at all, without ever throwing something else', async () => {
    const { verifier } = await readyVerifier();
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 200 }),
        async (text) => (await codeOf(verifier.verify(text))) === 'malformed',
      ),
    );
  });

  it('without saying anything of the token', async () => {
    const { verifier } = await readyVerifier();
    const error: unknown = await verifier
      .verify(token({ aud: 'secret-name' }))
      .catch((e: unknown) => e);
    expect(String(error)).not.toContain('secret-name');
  });
});

it.each([
  [
    'jku and jwk headers steer nothing',
    { jku: 'https://evil.test', jwk: other.publicKey.export({ format: 'jwk' }) },
  ],
  ['typ may be spelled as a media type', { typ: 'application/AT+JWT' }],
])('%s', async (_name, header) => {
  const { verifier } = await readyVerifier();
  expect(await codeOf(verifier.verify(token({}, header)))).toBe('accepted');
});

it('an unknown kid asks for newer keys, and accepts what they bring', async () => {
  let listed = [jwk];
  let asked = 0;
  const { verifier, send } = verifierAt(undefined, {
    current: () => parseKeySet({ keys: listed }),
    refreshForUnknownKey: async () => {
      asked += 1;
      listed = [jwk, { ...jwk, kid: 'k2' }];
    },
  });
  send({ type: 'begin', epoch: 1, after: 0, head: 0 });
  send({ type: 'end', epoch: 1, head: 0 });
  send({ type: 'heartbeat', heartbeat: { epoch: 1, head: 0, readAt: now, proof: 'p' } });
  await verifier.ready();
  expect(await codeOf(verifier.verify(token({}, { kid: 'k2' })))).toBe('accepted');
  expect(asked).toBe(1);
});

it('what takes time is traced: a token that is not remembered, and the wait for a key', async () => {
  const { verifier, traced } = await readyVerifier();
  const encoded = token();
  await verifier.verify(encoded);
  await verifier.verify(encoded);
  expect(traced).toEqual(['began', 'verified', undefined]);
  await codeOf(verifier.verify(token({}, { kid: 'k2' })));
  expect(traced.slice(3)).toEqual(['began', 'waits', expect.any(Promise)]);
  await expect(traced[5]).rejects.toMatchObject({ code: 'unknown_key' });
  await codeOf(verifier.verify('junk'));
  expect(traced.slice(6)).toEqual(['began']);
});

it.each<[string, Trace]>([
  ['never does the work', () => undefined],
  [
    'throws',
    () => {
      throw new Error('a tracer');
    },
  ],
  ['rejects', () => Promise.reject(new Error('a tracer'))],
  ['does the work twice and gives something else', (work) => [work(), work(), 'another token']],
  [
    'swallows what fails',
    (work) => {
      try {
        void work();
      } catch {
        /* lost */
      }
    },
  ],
])('a tracer that %s decides nothing', async (_name, trace) => {
  const { verifier } = await readyVerifier(trace);
  expect((await verifier.verify(token())).encoded).toMatch(/^ey/);
  expect(await codeOf(verifier.verify('junk'))).toBe('malformed');
  expect(await codeOf(verifier.verify(token({}, { kid: 'k2' })))).toBe('unknown_key');
});

it('what expires while it waits for its key is refused', async () => {
  const clock = { wall: now * 1000, monotonic: 0 };
  let listed = [jwk];
  const { verifier } = verifierAt(clock, {
    current: () => parseKeySet({ keys: listed }),
    refreshForUnknownKey: async () => {
      listed = [{ ...jwk, kid: 'k2' }];
      clock.wall += 306_000;
    },
  });
  expect(await codeOf(verifier.verify(token({}, { kid: 'k2' })))).toBe('expired');
});

describe('what the verifier cannot decide is never a rejection', () => {
  it('no keys', async () => {
    const { verifier } = verifierAt(undefined, { current: () => undefined });
    expect(await codeOf(verifier.verify(token()))).toBe('keys_unreachable');
    expect(verifier.state().ready).toBe(false);
  });

  it('an unknown kid while keys cannot be refreshed', async () => {
    const { verifier } = verifierAt(undefined, {
      refreshForUnknownKey: () => Promise.reject(new VerifierUnavailable('keys_unreachable', '')),
    });
    expect(await codeOf(verifier.verify(token({}, { kid: 'k2' })))).toBe('keys_unreachable');
  });

  it('revocations not yet applied', async () => {
    const { verifier } = verifierAt();
    expect(await codeOf(verifier.verify(token()))).toBe('revocation_unreachable');
  });

  it('no heartbeat for longer than the hard limit; and it recovers', async () => {
    const { verifier, clock, send } = await readyVerifier();
    clock.wall += 61_000;
    clock.monotonic += 61_000;
    expect(await codeOf(verifier.verify(token()))).toBe('revocation_unreachable');
    send({ type: 'heartbeat', heartbeat: { epoch: 1, head: 0, readAt: now + 61, proof: 'p' } });
    await verifier.ready();
    expect(await codeOf(verifier.verify(token()))).toBe('accepted');
  });

  it('no check-in answered for longer than the hard limit, whatever heartbeats come', async () => {
    const { verifier, clock, send, checkIns } = await readyVerifier();
    checkIns.broken = true;
    clock.wall += 61_000;
    clock.monotonic += 61_000;
    send({ type: 'heartbeat', heartbeat: { epoch: 1, head: 0, readAt: now + 61, proof: 'p' } });
    expect(await codeOf(verifier.verify(token()))).toBe('revocation_unreachable');
    // It joins again: what was committed while nobody counted on it must be applied first.
    checkIns.broken = false;
    checkIns.head = 1;
    await checkIns.next();
    expect(await codeOf(verifier.verify(token()))).toBe('revocation_unreachable');
    send({
      type: 'revocation',
      event: { epoch: 1, seq: 1, kind: 'sid', id: 's2', expiresAt: now + 420, at: now },
    });
    expect(await codeOf(verifier.verify(token()))).toBe('accepted');
  });

  it('that it was closed: nobody counts on it any more', async () => {
    const { verifier } = await readyVerifier();
    const closing = verifier.close();
    expect(await codeOf(verifier.verify(token()))).toBe('revocation_unreachable');
    await closing;
  });

  it('but a bad token stays bad', async () => {
    const { verifier } = verifierAt();
    expect(await codeOf(verifier.verify(token({ aud: 'payments' })))).toBe('wrong_audience');
  });
});

describe('revocation', () => {
  it('is in force with the call after its arrival', async () => {
    const { verifier, send } = await readyVerifier();
    const encoded = token();
    expect(await codeOf(verifier.verify(encoded))).toBe('accepted');
    send({
      type: 'revocation',
      event: { epoch: 1, seq: 1, kind: 'sid', id: 's1', expiresAt: now + 420, at: now },
    });
    expect(await codeOf(verifier.verify(encoded))).toBe('revoked');
  });

  it('a report that says so was made when no call could accept any more', async () => {
    const { verifier, send, checkIns } = await readyVerifier();
    const encoded = token();
    await codeOf(verifier.verify(encoded));
    const reported = checkIns.next();
    send({
      type: 'revocation',
      event: { epoch: 1, seq: 1, kind: 'sid', id: 's1', expiresAt: now + 420, at: now },
    });
    expect((await reported).applied).toEqual({ epoch: 1, seq: 1 });
    expect(await codeOf(verifier.verify(encoded))).toBe('revoked');
  });

  it('is reported at once when somebody waits: after the end of a replay that brings it', async () => {
    const { send, checkIns } = await readyVerifier();
    // Held timers: what would only be gathered for later is never reported.
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const event = { epoch: 1, seq: 2, kind: 'sid', id: 's1', expiresAt: now + 420, at: now };
    send({ type: 'begin', epoch: 1, after: 0, head: 2 });
    send({ type: 'revocation', event: { ...event, kind: 'sid', receiptWanted: true } });
    send({ type: 'end', epoch: 1, head: 2 });
    await new Promise(setImmediate);
    expect(checkIns.last?.applied).toEqual({ epoch: 1, seq: 2 });
    jest.useRealTimers();
  });

  it('a revoked token stays revoked when the channel is stale', async () => {
    const { verifier, clock, send } = await readyVerifier();
    send({
      type: 'revocation',
      event: { epoch: 1, seq: 1, kind: 'jti', id: 'j1', expiresAt: now + 420, at: now },
    });
    clock.monotonic += 61_000;
    expect(await codeOf(verifier.verify(token()))).toBe('revoked');
  });
});

describe('a route that asks to stay open when revocations are stale', () => {
  const open = { staleRevocations: 'open' } as const;
  const revokeToken: FeedFrame = {
    type: 'revocation',
    event: { epoch: 1, seq: 1, kind: 'jti', id: 'j1', expiresAt: now + 420, at: now },
  };

  it('is served past the hard limit, and counted; others are not', async () => {
    const { verifier, clock, outcomes } = await readyVerifier();
    expect(await codeOf(verifier.verify(token(), open))).toBe('accepted');
    clock.monotonic += 61_000;
    expect(await codeOf(verifier.verify(token(), open))).toBe('accepted');
    expect(await codeOf(verifier.verify(token()))).toBe('revocation_unreachable');
    expect(await codeOf(verifier.verify(token(), { staleRevocations: 'closed' }))).toBe(
      'revocation_unreachable',
    );
    expect(outcomes).toEqual([
      'accepted',
      'accepted_stale',
      'revocation_unreachable',
      'revocation_unreachable',
    ]);
  });

  it('still refuses what is known to be revoked', async () => {
    const { verifier, clock, send } = await readyVerifier();
    send(revokeToken);
    clock.monotonic += 61_000;
    expect(await codeOf(verifier.verify(token(), open))).toBe('revoked');
  });

  it('is not served before revocations were complete for the first time', async () => {
    const { verifier } = verifierAt();
    expect(await codeOf(verifier.verify(token(), open))).toBe('revocation_unreachable');
  });

  it('is not served without keys', async () => {
    const { verifier, send } = verifierAt(undefined, { current: () => undefined });
    send({ type: 'begin', epoch: 1, after: 0, head: 0 });
    send({ type: 'end', epoch: 1, head: 0 });
    await new Promise(setImmediate);
    expect(await codeOf(verifier.verify(token(), open))).toBe('keys_unreachable');
  });

  it('keeps its streams, until the token expires', async () => {
    const { verifier, clock } = await readyVerifier();
    const signal = verifier.watch(await verifier.verify(token()), open);
    clock.monotonic += 61_000;
    verifier.watch(await verifier.verify(token(), open), open);
    expect(signal.aborted).toBe(false);
    clock.wall += 305_000;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(signal.reason).toMatchObject({ code: 'expired' });
  });
});

describe('a token that is watched', () => {
  const reasonOf = (signal: AbortSignal) =>
    signal.aborted ? (signal.reason as { code: string }).code : 'good';

  it('ends with the revocation that covers it, and with no other', async () => {
    const { verifier, send } = await readyVerifier();
    const signal = verifier.watch(await verifier.verify(token()));
    const revoke = (seq: number, id: string) =>
      send({
        type: 'revocation',
        event: { epoch: 1, seq, kind: 'sid', id, expiresAt: now + 420, at: now },
      });
    revoke(1, 'somebody-else');
    expect(reasonOf(signal)).toBe('good');
    revoke(2, 's1');
    expect(reasonOf(signal)).toBe('revoked');
  });

  it('ends at once when it is revoked already', async () => {
    const { verifier, send } = await readyVerifier();
    const verified = await verifier.verify(token());
    send({
      type: 'revocation',
      event: { epoch: 1, seq: 1, kind: 'jti', id: 'j1', expiresAt: now + 420, at: now },
    });
    expect(reasonOf(verifier.watch(verified))).toBe('revoked');
  });

  it.each([
    ['it expires', 305_000, now + 305, 'expired'],
    ['revocations are too old', 61_000, now, 'revocation_unreachable'],
  ])('ends within a second when %s', async (_name, ms, readAt, code) => {
    const { verifier, clock, send } = await readyVerifier();
    const signal = verifier.watch(await verifier.verify(token()));
    clock.wall += ms;
    clock.monotonic += ms;
    if (readAt > now)
      send({ type: 'heartbeat', heartbeat: { epoch: 1, head: 0, readAt, proof: 'p' } });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(reasonOf(signal)).toBe(code);
  });

  it('is forgotten when its stream is over', async () => {
    const { verifier, send } = await readyVerifier();
    const stream = new AbortController();
    const signal = verifier.watch(await verifier.verify(token()), { until: stream.signal });
    stream.abort();
    send({
      type: 'revocation',
      event: { epoch: 1, seq: 1, kind: 'sid', id: 's1', expiresAt: now + 420, at: now },
    });
    expect(reasonOf(signal)).toBe('good');
  });
});

it('a token that is shared by all who present it cannot be changed by one of them', async () => {
  const { verifier } = await readyVerifier();
  const verified = await verifier.verify(token());
  for (const shared of [verified, verified.scopes, verified.audience, verified.roles]) {
    expect(Object.isFrozen(shared)).toBe(true);
  }
});

it.each([
  ['for others', { aud: ['payments'] }, 'wrong_audience'],
  ['of others', { iss: 'https://other.example.test' }, 'wrong_issuer'],
  ['of yesterday', { iat: now - 90_000, exp: now - 86_400 }, 'expired'],
])('a token %s does not make the verifier ask for its unknown key', async (_name, claims, code) => {
  const { verifier, refreshes } = await readyVerifier();
  const stray = token(claims, { kid: 'unknown' });
  await expect(verifier.verify(stray)).rejects.toMatchObject({ code });
  expect(refreshes()).toBe(0);
});
