// npm run fuzz:verify [-- COUNT [SEED]]: malformed tokens, a million by default. None may be accepted, throw anything but a
// rejection, or take long. The seed is printed, so that a finding can be repeated.
import { isTokenRejected } from '../libs/token-verifier/dist/index.js';
import { makeToken, makeVerifier } from './verify-fixture.mjs';

const COUNT = Number(process.argv[2] ?? 1_000_000);
const SEED = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31));
const LONGEST_MS = 250;

/** Mulberry32: small, and the same everywhere. */
let state = SEED;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let value = Math.imul(state ^ (state >>> 15), 1 | state);
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
  return ((value ^ (value >>> 14)) >>> 0) % below;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const ODD = ['.', '=', '+', '/', ' ', '\n', '\u0000', 'é', '\u{1F600}', '"', '{', '\\'];
const pick = (list) => list[random(list.length)];
const character = () => (random(4) === 0 ? pick(ODD) : ALPHABET[random(64)]);
const decode = (part) => Buffer.from(part, 'base64url').toString('latin1');
const encode = (text) => Buffer.from(text, 'latin1').toString('base64url');

const mutations = [
  (text) => text.slice(0, random(text.length)),
  (text) => text.slice(random(text.length)),
  (text) => text + character(),
  (text) => text.repeat(1 + random(9)),
  (text) => splice(text, 1, character()),
  (text) => splice(text, 0, character()),
  (text) => splice(text, 1 + random(20), ''),
  (text) => text.split('.').reverse().join('.'),
  (text) => [...text.split('.'), pick(text.split('.'))].join('.'),
  (text) => inPart(text, 0),
  (text) => inPart(text, 1),
  (text) => '.'.repeat(random(9000)),
  () => Array.from({ length: random(300) }, character).join(''),
];

function splice(text, remove, insert) {
  const at = random(text.length + 1);
  return text.slice(0, at) + insert + text.slice(at + remove);
}

/** Changes the JSON under a part, and encodes it again: well-formed outside, odd inside. */
function inPart(text, index) {
  const parts = text.split('.');
  if (parts[index] === undefined) return text;
  const json = decode(parts[index]);
  const pieces = [
    '"',
    '{}',
    '[]',
    ':',
    ',',
    '1e400',
    'null',
    '\\u0000',
    '"exp":1,',
    '"alg":"none",',
    '\xff',
    '\xef\xbb\xbf',
  ];
  parts[index] = encode(splice(json, random(4), pick(pieces)));
  return parts.join('.');
}

const verifier = await makeVerifier({ revocations: 1_000 });
const originals = Array.from({ length: 50 }, () => makeToken());
const known = new Set(originals);
const codes = {};
const findings = [];
let slowest = 0;
for (let n = 0; n < COUNT && findings.length < 10; n += 1) {
  let text = pick(originals);
  for (let times = 1 + random(3); times > 0; times -= 1) text = pick(mutations)(text);
  if (known.has(text)) continue;
  const start = process.cpuUsage();
  try {
    await verifier.verify(text);
    findings.push(['accepted', text]);
  } catch (error) {
    if (!isTokenRejected(error)) findings.push([`threw ${String(error)}`, text]);
    codes[error.code] = (codes[error.code] ?? 0) + 1;
  }
  const { user, system } = process.cpuUsage(start);
  const ms = (user + system) / 1000;
  slowest = Math.max(slowest, ms);
  if (ms > LONGEST_MS) findings.push([`took ${ms.toFixed(0)} ms`, text]);
  if (n % 50_000 === 0) process.stderr.write(`${n} of ${COUNT}\r`);
}
await verifier.close();
for (const [what, text] of findings)
  console.log(`FOUND: ${what}: ${JSON.stringify(text.slice(0, 300))}`);
console.log(codes);
console.log(
  `tokens=${COUNT} findings=${findings.length} slowest_ms=${slowest.toFixed(1)} seed=${SEED}`,
);
if (findings.length > 0) process.exitCode = 1;
