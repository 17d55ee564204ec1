// npm run bench:verify [-- --self-check]: the cost of one verification, beside the bare RSA operation and other libraries.
// All take turns every hundred tokens; figures are processor time, medians over rounds, and all are ratios to crypto.verify of the
// same round.
import { verify as verifySignature } from 'node:crypto';
import { JwtVerifier } from 'aws-jwt-verify';
import { createVerifier } from 'fast-jwt';
import { createLocalJWKSet, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { ExtractJwt, Strategy } from 'passport-jwt';
import {
  AUDIENCE,
  fresh,
  ISSUER,
  jwk,
  kid,
  makeToken,
  makeVerifier,
  pair,
  REVOKED_SESSION,
} from './verify-fixture.mjs';

const ROUNDS = 9;
const TOKENS = 1_000;
const WARM_PASSES = 10;
const LIMITS = { cold: 1.3, warm: 0.03 };

const pem = pair.publicKey.export({ type: 'spki', format: 'pem' });

/** Each gives a function from token text to a promise or value, made anew for a round. */
const peers = {
  jose: () => {
    const keys = createLocalJWKSet({ keys: [jwk] });
    const options = { algorithms: ['RS256'], typ: 'at+jwt', issuer: ISSUER, audience: AUDIENCE };
    return (text) => jwtVerify(text, keys, options);
  },
  jsonwebtoken: () => {
    const options = { algorithms: ['RS256'], issuer: ISSUER, audience: AUDIENCE };
    return (text) => jsonwebtoken.verify(text, pair.publicKey, options);
  },
  'fast-jwt': () =>
    createVerifier({
      key: pem,
      algorithms: ['RS256'],
      allowedIss: ISSUER,
      allowedAud: AUDIENCE,
      cache: false,
    }),
  'fast-jwt with cache': () =>
    createVerifier({
      key: pem,
      algorithms: ['RS256'],
      allowedIss: ISSUER,
      allowedAud: AUDIENCE,
      cache: 20_000,
    }),
  'aws-jwt-verify': () => {
    const verifier = JwtVerifier.create({
      issuer: ISSUER,
      audience: AUDIENCE,
      jwksUri: `${ISSUER}/jwks.json`,
    });
    verifier.cacheJwks({ keys: [jwk] });
    return (text) => verifier.verifySync(text);
  },
  'passport-jwt': () => passportJwt(pair.publicKey),
  'passport-jwt, key as text': () => passportJwt(pem),
};

/** Strategy and callbacks, without the rest of passport. As text is how jwks-rsa hands it the key. */
function passportJwt(secretOrKey) {
  const options = {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKey,
    algorithms: ['RS256'],
    issuer: ISSUER,
    audience: AUDIENCE,
  };
  const strategy = new Strategy(options, (claims, done) => done(null, claims));
  return (text) =>
    new Promise((success, fail) => {
      // Passport authenticates with an object that inherits from the strategy, and has these.
      const attempt = Object.assign(Object.create(strategy), { success, fail, error: fail });
      attempt.authenticate({ headers: { authorization: `Bearer ${text}` } });
    });
}

const ours = async () => {
  const verifier = await makeVerifier();
  return Object.assign((text) => verifier.verify(text), { close: () => verifier.close() });
};

/** What a broken verifier would get away with if nobody looked. */
async function gate(verify) {
  const faults = [];
  const outcome = async (text) => {
    try {
      await verify(text);
      return 'accepted';
    } catch (error) {
      return error.code ?? 'rejected';
    }
  };
  const expect = async (name, text, code) => {
    const got = await outcome(text);
    if (got !== code) faults.push(`${name}: ${got} instead of ${code}`);
  };
  const good = makeToken();
  await expect('a good token', good, 'accepted');
  await expect('a good token again', fresh(good), 'accepted');
  await expect('a revoked session', makeToken({ claims: { sid: REVOKED_SESSION } }), 'revoked');
  await expect('an unknown key', makeToken({ header: { kid: 'another' } }), 'unknown_key');
  await expect('an expired token', makeToken({ claims: { exp: 1_000, iat: 1 } }), 'expired');
  await expect('another signature', `${good.slice(0, -8)}AAAAAAAA`, 'bad_signature');
  return faults;
}

/** Nanoseconds of processor time since `start`, all threads: what else runs on the machine does not count, collecting garbage does. */
function processorTimeSince(start) {
  const { user, system } = process.cpuUsage(start);
  return (user + system) * 1_000;
}

/**
 * Nanoseconds that `verify` takes for a hundred tokens. They come as new strings, made outside the measurement: like what a
 * socket has just brought, they are new to the verifier and warm in the processor's cache.
 */
async function time(verify, texts) {
  const arrived = texts.map(fresh);
  const start = process.cpuUsage();
  for (const text of arrived) await verify(text);
  return processorTimeSince(start);
}

/** The same for nothing but the RSA operation. */
function timeRaw(texts) {
  const prepared = texts.map((text) => {
    const dot = text.lastIndexOf('.');
    return [Buffer.from(text.slice(0, dot)), Buffer.from(text.slice(dot + 1), 'base64url')];
  });
  const start = process.cpuUsage();
  for (const [input, signature] of prepared)
    verifySignature('sha256', input, pair.publicKey, signature);
  return processorTimeSince(start);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** One round: nanoseconds for each token, of the raw operation, of ours (`cold`, `warm`), and of the others by name. */
async function measureRound(makeOurs) {
  const hundreds = Array.from({ length: TOKENS / 100 }, () =>
    Array.from({ length: 100 }, () => makeToken()),
  );
  const ours = await makeOurs();
  const others = Object.entries(peers).map(([name, make]) => [name, make()]);
  const ns = { raw: 0, cold: 0, warm: 0, ...Object.fromEntries(others.map(([name]) => [name, 0])) };
  for (const texts of hundreds) {
    ns.raw += timeRaw(texts);
    ns.cold += await time(ours, texts);
    for (const [name, verify] of others) {
      if (name.includes('cache')) await time(verify, texts);
      ns[name] += await time(verify, texts);
    }
  }
  for (let pass = 0; pass < WARM_PASSES; pass += 1)
    for (const texts of hundreds) ns.warm += (await time(ours, texts)) / WARM_PASSES;
  await ours.close?.();
  return Object.fromEntries(Object.entries(ns).map(([name, total]) => [name, total / TOKENS]));
}

async function measure(makeOurs, rounds = ROUNDS) {
  await measureRound(makeOurs); // warms the compiler up
  const results = [];
  for (let round = 1; round <= rounds; round += 1) {
    results.push(await measureRound(makeOurs));
    process.stderr.write(`round ${String(round)} of ${String(rounds)}\r`);
  }
  const ratio = (name) => median(results.map((ns) => ns[name] / ns.raw));
  const others = Object.fromEntries(Object.keys(peers).map((name) => [name, ratio(name)]));
  return {
    rawNs: median(results.map(({ raw }) => raw)),
    cold: ratio('cold'),
    warm: ratio('warm'),
    others,
  };
}

const failsOf = ({ cold, warm }, faults) => [
  ...(cold > LIMITS.cold ? [`cold is ${cold.toFixed(2)}, above ${LIMITS.cold}`] : []),
  ...(warm > LIMITS.warm ? [`warm is ${warm.toFixed(4)}, above ${LIMITS.warm}`] : []),
  ...faults,
];

async function selfCheck() {
  const sleepy = async () => {
    const verify = await ours();
    return Object.assign(
      async (text) => {
        const until = process.hrtime.bigint() + 30_000n;
        while (process.hrtime.bigint() < until);
        return verify(text);
      },
      { close: verify.close },
    );
  };
  const unrevoked = await makeVerifier({ checkRevocations: false });
  const strict = await makeVerifier();
  const ignoringKid = async (text) => {
    try {
      return await strict.verify(text);
    } catch (error) {
      const end = text.lastIndexOf('.');
      const signature = Buffer.from(text.slice(end + 1), 'base64url');
      const signed = Buffer.from(text.slice(0, end));
      if (error.code !== 'unknown_key') throw error;
      if (!verifySignature('sha256', signed, pair.publicKey, signature)) throw error;
      return 'accepted';
    }
  };
  const faultsOf = async (verify, named) =>
    (await gate(verify)).filter((fault) => fault.startsWith(named));
  const checks = {
    'a sleep in the hot path': failsOf(await measure(sleepy, 1), []),
    'revocation switched off': await faultsOf(
      (text) => unrevoked.verify(text),
      'a revoked session',
    ),
    'the kid ignored': await faultsOf(ignoringKid, 'an unknown key'),
  };
  await unrevoked.close();
  await strict.close();
  for (const [name, fails] of Object.entries(checks))
    console.log(`${fails.length > 0 ? 'caught' : 'MISSED'}: ${name}`);
  if (Object.values(checks).some((fails) => fails.length === 0)) process.exitCode = 1;
}

if (process.argv.includes('--self-check')) {
  await selfCheck();
} else {
  const verify = await ours();
  const faults = await gate(verify);
  await verify.close();
  const result = await measure(ours);
  const row = (name, ratio) =>
    console.log(
      `${name.padEnd(28)} ${((ratio * result.rawNs) / 1000).toFixed(2).padStart(8)} µs  ${ratio.toFixed(3).padStart(7)}×`,
    );
  console.log(
    `node ${process.version}, RSA-2048, ${TOKENS} tokens a round, ${ROUNDS} rounds, 100,000 live revocations\n`,
  );
  row('crypto.verify', 1);
  row('countersign, never seen', result.cold);
  row('countersign, seen before', result.warm);
  for (const [name, ratio] of Object.entries(result.others)) row(name, ratio);
  const fails = failsOf(result, faults);
  for (const fail of fails) console.log(`\nFAILED: ${fail}`);
  console.log(`\ncold=${result.cold.toFixed(3)} warm=${result.warm.toFixed(4)}`);
  if (fails.length > 0) process.exitCode = 1;
}
