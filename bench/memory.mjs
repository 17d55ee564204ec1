// npm run bench:memory [-- [COUNT] [--self-check]]: verifies a million tokens, each of them once, and looks at the heap.
//
// A verifier remembers some tokens, so the heap is compared with what it was when that memory was full: after 50,000 tokens.
// It is looked at after whole multiples of what one generation of that memory holds, so that it is equally full each time.
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { kid, makeVerifier, pair } from './verify-fixture.mjs';

const MIB = 1024 * 1024;
/** Wide for what the same heap measures at another moment, and five bytes a token. */
const MOST_GROWTH = 4 * MIB;
const FULL_AFTER = 50_000;
const LOOK_EVERY = 50_000;
const count = Number(process.argv.slice(2).find((argument) => /^\d+$/.test(argument)) ?? 1_000_000);

if (!globalThis.gc) throw new Error('run it with --expose-gc');
if (count < FULL_AFTER + LOOK_EVERY) throw new Error(`it takes ${FULL_AFTER + LOOK_EVERY} tokens`);

/** Bytes in use on the heap and outside it, after everything that is not in use was collected. */
async function bytesInUse() {
  for (let times = 0; times < 3; times += 1) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { heapUsed, external, arrayBuffers };
}

/** New tokens, signed by as many processes as there are processors. */
async function* signedTokens(total) {
  const signers = Math.min(availableParallelism(), 8);
  const lines = Array.from({ length: signers }, (_, n) => {
    const child = fork(new URL('sign-tokens.mjs', import.meta.url), {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      execArgv: [],
    });
    child.send({
      privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      kid,
      count: Math.floor(total / signers) + (n < total % signers ? 1 : 0),
    });
    return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  });
  for (let open = lines; open.length > 0;) {
    const next = await Promise.all(open.map((iterator) => iterator.next()));
    open = open.filter((_, index) => !next[index].done);
    for (const { done, value } of next) if (!done) yield value;
  }
}

const show = (tokens, { heapUsed, external, arrayBuffers }) => {
  const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`.padStart(10);
  console.log(
    `${String(tokens).padStart(9)} tokens: heap ${mib(heapUsed)}  external ${mib(external)}  array buffers ${mib(arrayBuffers)}`,
  );
};

/**
 * Verifies `total` tokens by `verify`.
 *
 * @returns the largest growth, in bytes, of the heap and of what is outside it, since the verifier's memory was full
 */
async function measure(verify, total) {
  show(0, await bytesInUse());
  let verified = 0;
  let full;
  let growth = 0;
  for await (const token of signedTokens(total)) {
    await verify(token);
    verified += 1;
    if (verified % 5_000 === 0) process.stderr.write(`${verified} of ${total}\r`);
    if (verified % LOOK_EVERY !== 0) continue;
    const now = await bytesInUse();
    show(verified, now);
    if (verified < FULL_AFTER) continue;
    full ??= now;
    growth = Math.max(growth, now.heapUsed - full.heapUsed, now.external - full.external);
  }
  return growth;
}

/** Ways to leak: each keeps something of every token. */
const leaks = {
  'a cache without bounds': (verify) => {
    const known = new Map();
    return async (text) => known.set(text, await verify(text));
  },
  'an index of token ids': (verify) => {
    const seen = new Set();
    return async (text) => seen.add((await verify(text)).tokenId);
  },
  'a buffer kept for each token': (verify) => {
    const kept = [];
    return async (text) => {
      await verify(text);
      kept.push(Buffer.allocUnsafeSlow(256));
    };
  },
};

const verifier = await makeVerifier();
const verify = (text) => verifier.verify(text);
if (process.argv.includes('--self-check')) {
  for (const [name, leaky] of Object.entries(leaks)) {
    const growth = await measure(leaky(verify), FULL_AFTER + 2 * LOOK_EVERY);
    console.log(`${growth > MOST_GROWTH ? 'caught' : 'MISSED'}: ${name}`);
    if (growth <= MOST_GROWTH) process.exitCode = 1;
  }
} else {
  const growth = await measure(verify, count);
  const bytes = growth / (count - FULL_AFTER);
  if (growth > MOST_GROWTH) {
    console.log(`\nFAILED: memory has grown by ${(growth / MIB).toFixed(1)} MiB`);
    process.exitCode = 1;
  }
  console.log(
    `\ntokens=${count} growth_mib=${(growth / MIB).toFixed(2)} bytes_per_token=${bytes.toFixed(2)}`,
  );
}
await verifier.close();
