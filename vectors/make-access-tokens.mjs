// Writes access-tokens.json: tokens that verifiers must accept or reject, each with the code, and the reason that our verifier
// gives (look at the changed ones). Run it only to add cases: it makes new keys, so every token changes.
// "npm run build && node vectors/make-access-tokens.mjs"
import {
  createHmac,
  createSign,
  createPublicKey,
  generateKeyPairSync,
  sign as signWith,
  constants,
} from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseKeySet, TokenVerifier } from '../libs/token-verifier/dist/index.js';

const now = 1_800_000_000;
const issuer = 'https://id.example.test';
const audience = 'orders';
const ours = generateKeyPairSync('rsa', { modulusLength: 2048 });
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = { ...ours.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' };
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const secret = Buffer.alloc(32, 7);
const foreignJwk = foreign.publicKey.export({ format: 'jwk' });
const pem = ours.publicKey.export({ type: 'spki', format: 'pem' });
const der = ours.publicKey.export({ type: 'spki', format: 'der' });

const header = { alg: 'RS256', typ: 'at+jwt', kid: 'k1' };
const claims = {
  iss: issuer,
  sub: 'u1',
  aud: ['orders', 'payments'],
  exp: now + 300,
  iat: now,
  jti: 'j1',
  client_id: 'first-party',
  scope: 'orders:read orders:write',
  sid: 's1',
  auth_time: now,
  roles: ['customer'],
};

const b64 = (value) => Buffer.from(value).toString('base64url');
const json = (value) =>
  typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
const rs256 = (input, key = ours.privateKey) => createSign('sha256').update(input).sign(key);
function jws(head, payload, signer = rs256) {
  const input = `${b64(json(head))}.${b64(json(payload))}`;
  return `${input}.${b64(signer(input))}`;
}
const token = (more = {}, head = {}) => jws({ ...header, ...head }, { ...claims, ...more });
/** The good claims as text, with one piece of it replaced. */
const rewritten = (from, to) => jws(header, JSON.stringify(claims).replace(from, to));
const hmac = (secret) => (input) => createHmac('sha256', secret).update(input).digest();

const good = token();
const [head, payload, signature] = good.split('.');
const bytes = Buffer.from(signature, 'base64url');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const otherSpelling = (part, bit) =>
  part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1)) ^ bit];
const modulus = BigInt(`0x${Buffer.from(jwk.n, 'base64url').toString('hex')}`);
const plusModulus = Buffer.from(
  (BigInt(`0x${bytes.toString('hex')}`) + modulus).toString(16).padStart(514, '0'),
  'hex',
);

const cases = [];
const add = (ref, name, text, code) => cases.push({ ref, name, token: text, code });
const accept = (ref, name, text) => add(ref, name, text, null);

accept('-', 'a good token', good);
accept(
  '-',
  'a token of a service: no sid, roles or auth_time',
  token({ sid: undefined, roles: undefined, auth_time: undefined }),
);
accept('C20', 'one audience as a string', token({ aud: 'orders' }));
accept('C19', 'typ as a media type in capitals', token({}, { typ: 'APPLICATION/AT+JWT' }));
accept('C5', 'our signature, with a jwk of somebody else: ignored', token({}, { jwk: foreignJwk }));
accept(
  'C5',
  'our signature, with jku, x5u and x5c: ignored',
  token({}, { jku: 'https://evil.test', x5u: 'https://evil.test', x5c: ['AAAA'] }),
);
accept(
  'C15',
  'a claim named __proto__: a member like any other',
  rewritten('"jti"', '"__proto__":{"admin":true},"jti"'),
);
accept('C16', 'a fraction of a second', token({ exp: now + 299.5 }));

for (const alg of ['none', 'None', 'NONE', 'nOnE']) {
  add(
    'C1',
    `alg ${alg}, no signature`,
    `${b64(json({ ...header, alg }))}.${payload}.`,
    'malformed',
  );
  add(
    'C1',
    `alg ${alg}, the old signature`,
    `${b64(json({ ...header, alg }))}.${payload}.${signature}`,
    'algorithm_not_allowed',
  );
}
for (const [name, secret] of [
  ['PEM', pem],
  ['PEM after a space', ` ${pem}`],
  ['DER', der],
  ['JWK', json(jwk)],
  ['nothing', ''],
]) {
  add(
    'C2',
    `HS256 with the public key as ${name}`,
    jws({ ...header, alg: 'HS256' }, claims, hmac(secret)),
    'algorithm_not_allowed',
  );
}
const pss = (input) =>
  signWith('sha256', Buffer.from(input), {
    key: ours.privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
add(
  'C3',
  'RS384, signed so',
  jws({ ...header, alg: 'RS384' }, claims, (i) =>
    createSign('sha384').update(i).sign(ours.privateKey),
  ),
  'algorithm_not_allowed',
);
add(
  'C3',
  'PS256, signed so',
  jws({ ...header, alg: 'PS256' }, claims, pss),
  'algorithm_not_allowed',
);
add('C3', 'RS256 in the header, PS256 underneath', jws(header, claims, pss), 'bad_signature');
add(
  'C3',
  'RS256 in the header, SHA-384 underneath',
  jws(header, claims, (i) => createSign('sha384').update(i).sign(ours.privateKey)),
  'bad_signature',
);
add('C3', 'alg in lower case', token({}, { alg: 'rs256' }), 'algorithm_not_allowed');
add('C3', 'alg as a list', token({}, { alg: ['RS256'] }), 'algorithm_not_allowed');
add('C3', 'no alg', token({}, { alg: undefined }), 'algorithm_not_allowed');
add(
  'C5',
  'a jwk of their own, signed with it',
  jws({ ...header, jwk: foreignJwk }, claims, (i) => rs256(i, foreign.privateKey)),
  'bad_signature',
);
for (const kid of [
  '../../etc/passwd',
  "k1' OR 1=1 --",
  'k1\u0000',
  'k\u00e9',
  'k1 ',
  '',
  'x'.repeat(300),
]) {
  add('C6', `kid ${JSON.stringify(kid.slice(0, 20))}`, token({}, { kid }), 'malformed');
}
for (const kid of [1, null, ['k1'], { k1: 1 }])
  add('C6', `kid ${JSON.stringify(kid)}`, token({}, { kid }), 'malformed');
for (const kid of ['__proto__', 'constructor', 'toString'])
  add(
    'C6',
    `kid ${kid}`,
    jws(`{"alg":"RS256","typ":"at+jwt","kid":"${kid}"}`, claims),
    'unknown_key',
  );
add('C7', 'an unknown kid', token({}, { kid: 'k2' }), 'unknown_key');
add('C8', 'no kid', token({}, { kid: undefined }), 'malformed');
add('C9', 'crit with an extension', token({}, { crit: ['exp2'], exp2: 1 }), 'malformed');
add('C9', 'crit that is empty', token({}, { crit: [] }), 'malformed');
add('C9', 'b64 false', token({}, { b64: false, crit: ['b64'] }), 'malformed');
for (const bit of [1, 2, 3])
  add(
    'C10',
    `unused bits ${bit} in the signature`,
    `${head}.${payload}.${otherSpelling(signature, bit)}`,
    'malformed',
  );
add('C11', 'padding of the signature', `${good}==`, 'malformed');
add('C11', 'one sign of padding', `${good}=`, 'malformed');
for (const [name, text] of [
  ['space at the end', `${good} `],
  ['space at the start', ` ${good}`],
  ['line end at the end', `${good}\n`],
  ['line end inside', `${head}.${payload}.${signature.slice(0, 9)}\n${signature.slice(9)}`],
  ['tab inside', `${head}.\t${payload}.${signature}`],
  ['NUL at the end', `${good}\u0000`],
]) {
  add('C12', name, text, 'malformed');
}
add('C13', 'the other alphabet', `${head}.${payload}.${signature.slice(0, -4)}+/+A`, 'malformed');
add(
  'C13',
  'a letter beyond ASCII',
  `${head}.${payload}.${signature.slice(0, -1)}\u00e9`,
  'malformed',
);
add(
  'C14',
  'alg twice',
  jws('{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"k1"}', claims),
  'malformed',
);
add('C14', 'exp twice', rewritten('"jti"', `"exp":${now + 300},"jti"`), 'malformed');
add(
  'C14',
  'sub twice, once spelled with an escape',
  rewritten('"jti"', '"s\\u0075b":"u2","jti"'),
  'malformed',
);
add(
  'C14',
  'a member of a nested object twice',
  rewritten('"jti"', '"x":{"a":1,"a":2},"jti"'),
  'malformed',
);
add('C16', 'exp as text', token({ exp: String(now + 300) }), 'malformed');
add('C16', 'exp null', token({ exp: null }), 'malformed');
add('C16', 'exp without end: 1e400', rewritten(`"exp":${now + 300}`, '"exp":1e400'), 'malformed');
add('C16', 'exp in milliseconds', token({ exp: (now + 300) * 1000 }), 'malformed');
add('C16', 'exp negative', token({ exp: -1 }), 'malformed');
add('C16', 'exp before iat', token({ exp: now + 1, iat: now + 2 }), 'malformed');
add('C16', 'expired', token({ exp: now - 5, iat: now - 300 }), 'expired');
add('C17', 'no exp', token({ exp: undefined }), 'malformed');
add('C18', 'nbf in the future', token({ nbf: now + 60 }), 'not_yet_valid');
add('C18', 'nbf as text', token({ nbf: String(now) }), 'malformed');
add('C18', 'iat an hour ahead', token({ iat: now + 3600, exp: now + 3900 }), 'not_yet_valid');
add('C18', 'no iat', token({ iat: undefined }), 'malformed');
for (const typ of [
  'JWT',
  undefined,
  'dpop+jwt',
  'logout+jwt',
  'at+jwt ',
  'statuslist+jwt',
  ['at+jwt'],
])
  add('C19', `typ ${JSON.stringify(typ) ?? 'missing'}`, token({}, { typ }), 'unexpected_type');
for (const [name, aud] of [
  ['missing', undefined],
  ['nested', [['orders']]],
  ['empty', []],
  ['with a number', ['orders', 1]],
  ['as an object', { 0: 'orders' }],
])
  add('C20', `aud ${name}`, token({ aud }), 'malformed');
for (const aud of ['payments', ['orders2'], ['order'], ['ORDERS'], ['orders ']])
  add('C20', `aud ${JSON.stringify(aud)}`, token({ aud }), 'wrong_audience');
add('C20', 'iss as a list', token({ iss: [issuer] }), 'malformed');
for (const iss of [
  `${issuer}/`,
  'https://id.example.test.evil.test',
  issuer.toUpperCase(),
  'http://id.example.test',
])
  add('C20', `iss ${iss}`, token({ iss }), 'wrong_issuer');
for (const [name, text] of [
  ['a list', '[]'],
  ['text', '"x"'],
  ['null', 'null'],
  ['a number', '1'],
  ['cut off', '{"iss":'],
  ['two objects', '{}{}'],
])
  add('C22', `payload is ${name}`, jws(header, text), 'malformed');
add('C22', 'payload with a byte order mark', jws(header, `\uFEFF${json(claims)}`), 'malformed');
add('C22', 'header with a byte order mark', jws(`\uFEFF${json(header)}`, claims), 'malformed');
add(
  'C22',
  'payload with bad UTF-8',
  jws(
    header,
    Buffer.concat([
      Buffer.from('{"x":"'),
      Buffer.from([0xff]),
      Buffer.from(`",${json(claims).slice(1)}`),
    ]),
  ),
  'malformed',
);
add(
  'C22',
  'payload with half a character',
  jws(
    header,
    Buffer.concat([
      Buffer.from('{"x":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from(`",${json(claims).slice(1)}`),
    ]),
  ),
  'malformed',
);
add('C23', 'five parts: a JWE', `${good}.${b64('x')}.${b64('y')}`, 'malformed');
add('C23', 'zip', token({}, { zip: 'DEF' }), 'malformed');
add('C24', 'only dots', '.'.repeat(5000), 'malformed');
for (const name of ['sub', 'jti', 'sid', 'client_id']) {
  add('C24', `${name} of 256 characters`, token({ [name]: 'y'.repeat(256) }), null);
  add(
    'C24',
    `${name} longer than a revocation can name`,
    token({ [name]: 'y'.repeat(257) }),
    'malformed',
  );
}
add('C24', 'a token of 9 KB', token({ x: 'y'.repeat(7000) }), 'malformed');
add(
  'C24',
  'deep nesting in the payload',
  jws(header, `{"x":${'['.repeat(1500)}${']'.repeat(1500)}}`),
  'malformed',
);
for (const [name, text] of [
  ['nothing', ''],
  ['one part', head],
  ['two parts', `${head}.${payload}`],
  ['an empty signature', `${head}.${payload}.`],
  ['an empty payload', `${head}..${signature}`],
  ['four parts', `${good}.`],
])
  add('C24', name, text, 'malformed');
add(
  'C25',
  'signature of another message',
  `${head}.${payload}.${token({ jti: 'j2' }).split('.')[2]}`,
  'bad_signature',
);
add('C25', 'signature plus the modulus', `${head}.${payload}.${b64(plusModulus)}`, 'bad_signature');
add(
  'C25',
  'a zero byte before the signature',
  `${head}.${payload}.${b64(Buffer.concat([Buffer.alloc(1), bytes]))}`,
  'bad_signature',
);
add('C25', 'a byte less', `${head}.${payload}.${b64(bytes.subarray(0, 255))}`, 'bad_signature');
add('C25', 'all zeros', `${head}.${payload}.${b64(Buffer.alloc(256))}`, 'bad_signature');
add(
  'C25',
  'the number one',
  `${head}.${payload}.${b64(Buffer.concat([Buffer.alloc(255), Buffer.from([1])]))}`,
  'bad_signature',
);
add(
  'C26',
  'ES256 with r = s = 0',
  jws({ ...header, alg: 'ES256' }, claims, () => Buffer.alloc(64)),
  'algorithm_not_allowed',
);
// Published beside our key, but not for access tokens: as if they were not there.
add(
  'C4',
  'RS256 under the kid of an EC key, signed with that',
  jws({ ...header, kid: 'ec' }, claims, (input) =>
    signWith('sha256', Buffer.from(input), elliptic.privateKey),
  ),
  'unknown_key',
);
add(
  'C4',
  'signed with our key under the kid of an EC key',
  token({}, { kid: 'ec' }),
  'unknown_key',
);
add(
  'C4',
  'signed with a key that is published for encryption',
  jws({ ...header, kid: 'enc' }, claims, (input) => rs256(input, foreign.privateKey)),
  'unknown_key',
);
add(
  'C4',
  'signed with a key that is published for PS256',
  jws({ ...header, kid: 'ps' }, claims, (input) => rs256(input, foreign.privateKey)),
  'unknown_key',
);
add(
  'C4',
  'ES256 with a published EC key',
  jws({ ...header, alg: 'ES256', kid: 'ec' }, claims, (input) =>
    signWith('sha256', Buffer.from(input), { key: elliptic.privateKey, dsaEncoding: 'ieee-p1363' }),
  ),
  'algorithm_not_allowed',
);
add(
  'C15',
  'a header named __proto__ brings no alg',
  jws('{"typ":"at+jwt","kid":"k1","__proto__":{"alg":"RS256"}}', claims),
  'algorithm_not_allowed',
);
add(
  'C15',
  'claims under __proto__ are none',
  rewritten('"sub":"u1"', '"__proto__":{"sub":"u1"}'),
  'malformed',
);
accept(
  'C15',
  'a claim named constructor: a member like any other',
  token({ constructor: { prototype: { admin: true } } }),
);
for (const aud of ['.*', 'order.', '^orders$', '(o|r|d|e|r|s)+$', '*']) {
  add('C21', `aud ${aud} is no pattern`, token({ aud: [aud] }), 'wrong_audience');
}
add(
  'C21',
  'iss with a dot for any character',
  token({ iss: 'https://id-example.test' }),
  'wrong_issuer',
);
add(
  'C23',
  'PBES2 with a huge p2c',
  jws({ ...header, alg: 'PBES2-HS256+A128KW', p2c: 2_000_000_000 }, claims),
  'algorithm_not_allowed',
);
add(
  'C23',
  'enc beside RS256, as in a JWE',
  `${b64(json({ ...header, enc: 'A256GCM' }))}.AAAA.AAAA.AAAA.AAAA`,
  'malformed',
);
add(
  'C24',
  'nested a hundred deep',
  rewritten('"sub"', `"deep":${'['.repeat(100)}${']'.repeat(100)},"sub"`),
  'malformed',
);
add('C24', 'a thousand parts', Array(1000).fill('AAAA').join('.'), 'malformed');
add(
  'C28',
  'HS256 with a secret that the header names',
  jws({ ...header, alg: 'HS256', kid: 'shared', k: b64(secret) }, claims, hmac(secret)),
  'algorithm_not_allowed',
);
add(
  '-',
  'a changed payload',
  `${head}.${b64(json({ ...claims, sub: 'u2' }))}.${signature}`,
  'bad_signature',
);
for (const name of ['sub', 'jti', 'client_id']) {
  add('-', `no ${name}`, token({ [name]: undefined }), 'malformed');
  add('-', `${name} empty`, token({ [name]: '' }), 'malformed');
  add('-', `${name} a number`, token({ [name]: 7 }), 'malformed');
}
add('-', 'scope as a list', token({ scope: ['orders:read'] }), 'malformed');
add('-', 'roles as text', token({ roles: 'customer' }), 'malformed');

const jwks = {
  keys: [
    { ...createPublicKey(pem).export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' },
    { ...elliptic.publicKey.export({ format: 'jwk' }), kid: 'ec', use: 'sig' },
    { ...foreignJwk, kid: 'enc', use: 'enc' },
    { ...foreignJwk, kid: 'ps', alg: 'PS256', use: 'sig' },
  ],
};

const keys = parseKeySet(jwks);
const nothing = async () => undefined;
const verifier = new TokenVerifier({
  issuer,
  audience,
  keys: {
    start: () => undefined,
    current: () => keys,
    refreshForUnknownKey: nothing,
    state: () => ({ kids: [...keys.keys()], ageSeconds: 0 }),
    close: nothing,
  },
  clock: { wallMs: () => now * 1000, monotonicMs: () => 0 },
  clockToleranceSeconds: 5,
  maxLifetimeSeconds: 3600,
  staleness: { softSeconds: 10, hardSeconds: 60 },
});
for (const one of cases) {
  const error = await verifier.verify(one.token).catch((thrown) => thrown);
  one.reason = error.reason ?? null;
  if ((error.code ?? null) !== one.code)
    console.log(`${one.name}: ${error.code} (${error.reason})`);
}
await verifier.close();

const document = {
  description:
    'Access tokens and what a verifier must make of them at "now", with clock tolerance 5 s and lifetimes up to 3600 s. code null: accept. reason: what our verifier says in its log; others may say it otherwise.',
  issuer,
  audience,
  now,
  jwks,
  cases,
};
writeFileSync(
  new URL('./access-tokens.json', import.meta.url),
  `${JSON.stringify(document, null, 1)}\n`,
);
console.log(`${cases.length} cases`);
