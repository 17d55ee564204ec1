import {
  closeAll,
  closeLater,
  first,
  junk,
  makeKey,
  movableClock,
  outcome,
  publish,
  second,
  secondsOf,
  startKeyServer,
  third,
  until,
  verifierOf,
} from '../../test/key-server.js';
import { createTokenVerifier } from '../create-token-verifier.js';

afterEach(closeAll);

it('fifty callers at a cold start cause one fetch', async () => {
  const server = await startKeyServer(first);
  const slow = publish(first);
  server.answer = (request, response) => void setTimeout(() => slow(request, response), 200);
  const verifier = createTokenVerifier({
    issuer: server.issuer,
    audience: 'orders',
    discoveryUrl: `${server.issuer}/metadata`,
    revocation: 'none',
  });
  closeLater(() => verifier.close());
  const token = server.token(first);
  const early = await Promise.all(Array.from({ length: 50 }, () => outcome(verifier, token)));
  expect(new Set(early)).toEqual(new Set(['keys_unreachable']));
  await Promise.all(Array.from({ length: 50 }, () => verifier.ready()));
  const late = await Promise.all(Array.from({ length: 50 }, () => outcome(verifier, token)));
  expect(new Set(late)).toEqual(new Set(['accepted']));
  expect(server.asked).toHaveLength(1);
});

describe('a kid that nobody has published', () => {
  it('in ten thousand tokens causes at most one fetch in a cool-down, and a new key is picked up at once afterwards', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    const tokens = junk(server, 10_000);
    const outcomes = new Set<string>();
    const seconds = await secondsOf(async () => {
      for (let from = 0; from < tokens.length; from += 2_500) {
        const batch = tokens.slice(from, from + 2_500);
        for (const code of await Promise.all(batch.map((token) => outcome(verifier, token))))
          outcomes.add(code);
      }
    });
    // More than a thousand at a time are not kept waiting: those are told that nothing can be said now.
    expect(outcomes).toEqual(new Set(['unknown_key', 'keys_unreachable']));
    expect(server.asked.length).toBeLessThanOrEqual(2 + Math.ceil(seconds));
    server.answer = publish(first, second);
    const token = server.token(second);
    expect(await outcome(verifier, token)).toBe('accepted');
    expect(await outcome(verifier, server.token(first))).toBe('accepted');
    expect(verifier.state().signatures.unknownKids).toBe(10_001);
  });

  it('does not make a token under a key published a moment ago a bad one', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    for (const [known, fresh] of [
      [[first], second],
      [[first, second], third],
    ] as const) {
      const [nonsense] = junk(server, 1);
      expect(await outcome(verifier, nonsense!)).toBe('unknown_key');
      server.answer = publish(...known, fresh);
      expect(await outcome(verifier, server.token(fresh))).toBe('accepted');
    }
  });

  it('is not decided about by an answer that was under way when the token came', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    const old = publish(first);
    server.answer = (request, response) => void setTimeout(() => old(request, response), 1_000);
    const [nonsense] = junk(server, 1);
    const decided = outcome(verifier, nonsense!);
    await until(() => server.asked.length === 2);
    server.answer = publish(first, second);
    expect(await outcome(verifier, server.token(second))).toBe('accepted');
    expect(await decided).toBe('unknown_key');
    expect(server.asked).toHaveLength(3);
  });

  it('waits for a hanging issuer no longer than other requests do', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    server.answer = () => undefined;
    const tokens = junk(server, 200);
    const seconds = await secondsOf(async () => {
      const codes = await Promise.all(tokens.map((token) => outcome(verifier, token)));
      expect(new Set(codes)).toEqual(new Set(['keys_unreachable']));
    });
    expect(seconds).toBeLessThan(20);
    expect(await outcome(verifier, server.token(first))).toBe('accepted');
    expect(server.asked).toHaveLength(2);
  });

  it('does not wait at all, and does not ask, while an issuer in trouble is left alone', async () => {
    const server = await startKeyServer(first);
    const verifier = await verifierOf(server);
    server.answer = (_request, response) => void response.writeHead(500).end();
    const asked = server.asked.length;
    const tokens = junk(server, 300);
    const seconds = await secondsOf(async () => {
      for (const token of tokens) expect(await outcome(verifier, token)).toBe('keys_unreachable');
    });
    expect(seconds).toBeLessThan(30);
    expect(server.asked.length - asked).toBeLessThanOrEqual(2 + Math.ceil(seconds));
  });

  it('waits no more when the verifier is closed', async () => {
    const seconds: number[] = [];
    // A machine that stands still for a moment does so once.
    for (let n = 0; n < 3; n += 1) {
      const server = await startKeyServer(first);
      const verifier = await verifierOf(server);
      server.answer = () => undefined;
      const waiting = outcome(verifier, junk(server, 1)[0]!);
      await until(() => server.asked.length === 2);
      seconds.push(
        await secondsOf(async () => {
          await verifier.close();
          expect(await waiting).toBe('keys_unreachable');
        }),
      );
    }
    expect(Math.min(...seconds)).toBeLessThan(1.5);
  });
});

describe('a signature that does not verify', () => {
  it('causes no fetch where a kid can never mean another key', async () => {
    const server = await startKeyServer(first);
    const clock = movableClock();
    const verifier = await verifierOf(server, { clock });
    clock.offset += 60_000;
    const forged = server.token({ ...second, kid: first.kid });
    expect(await outcome(verifier, forged)).toBe('bad_signature');
    expect(server.asked).toHaveLength(1);
  });

  it('causes one fetch in ten seconds where kids are mere names, and finds the new key of that name', async () => {
    const [old, renewed, foreign] = [makeKey('main'), makeKey('main'), makeKey('main')];
    const server = await startKeyServer(old);
    const clock = movableClock();
    const verifier = await verifierOf(server, { clock });
    for (let n = 0; n < 20; n += 1)
      expect(await outcome(verifier, server.token(foreign))).toBe('bad_signature');
    expect(server.asked).toHaveLength(1);
    clock.offset += 10_000;
    server.answer = publish(renewed);
    expect(await outcome(verifier, server.token(renewed))).toBe('accepted');
    expect(await outcome(verifier, server.token(old))).toBe('bad_signature');
    expect(server.asked).toHaveLength(2);
  });
});
