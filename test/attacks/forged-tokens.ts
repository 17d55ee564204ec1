import {
  constants,
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign as signBytes,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';

type Json = Readonly<Record<string, unknown>>;
/** Makes the signature of a signing input. */
export type Signing = (input: string) => Buffer;

/** A value in the name of a case; there may be none. */
const shown = (value: unknown) =>
  ((JSON.stringify(value) as string | undefined) ?? 'left out').slice(0, 60);
const base64url = (value: string | Buffer) => Buffer.from(value).toString('base64url');

export const rs = (key: KeyObject, bits = 256): Signing => {
  return (input) => signBytes(`sha${String(bits)}`, Buffer.from(input), key);
};
export const ps = (key: KeyObject): Signing => {
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return (input) => signBytes('sha256', Buffer.from(input), { key, ...padding });
};
export const hs = (secret: string | Buffer): Signing => {
  return (input) => createHmac('sha256', secret).update(input).digest();
};
export const es = (key: KeyObject): Signing => {
  return (input) => signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
};
export const nothing: Signing = () => Buffer.alloc(0);

/** A compact JWS of exactly this header and payload, texts as they stand. */
export function jws(header: Json | string, payload: Json | string, signing: Signing): string {
  const text = (part: Json | string) => (typeof part === 'string' ? part : JSON.stringify(part));
  const input = `${base64url(text(header))}.${base64url(text(payload))}`;
  return `${input}.${base64url(signing(input))}`;
}

/** A pair of RSA keys with its thumbprint (RFC 7638), as identity names keys. */
export function rsaKey() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = publicKey.export({ format: 'jwk' });
  const canonical = JSON.stringify({ e: jwk.e, kty: jwk.kty, n: jwk.n });
  return { privateKey, jwk, kid: createHash('sha256').update(canonical).digest('base64url') };
}
export type RsaKey = ReturnType<typeof rsaKey>;

export interface Forged {
  readonly name: string;
  readonly token: string;
}

/** What a forger has: the genuine key for signing what it should not, the public part, a key and a server of their own. */
export interface Workshop {
  readonly genuine: RsaKey;
  readonly own: RsaKey;
  /** The JWKS as it is published, as text. */
  readonly jwks: string;
  /** Where the forger's own key set lies. */
  readonly server: string;
  /** Claims of a good token. */
  readonly claims: Json;
}

/** Tokens whose algorithm or signature is not what it should be (RFC 8725 §2.1, §3.1, §3.2). */
export function otherAlgorithms({ genuine, jwks, claims }: Workshop): Forged[] {
  const { kid, jwk, privateKey } = genuine;
  const header = (alg: unknown) => ({ alg, typ: 'at+jwt', kid });
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const secrets: Record<string, string | Buffer> = {
    'the public key as PEM': publicKey.export({ type: 'spki', format: 'pem' }),
    'the public key as PKCS #1': publicKey.export({ type: 'pkcs1', format: 'pem' }),
    'the public key as DER': publicKey.export({ type: 'spki', format: 'der' }),
    'the modulus': Buffer.from(jwk.n!, 'base64url'),
    'the modulus as it is spelt': jwk.n!,
    'the JWK': JSON.stringify(jwk),
    'the key set': jwks,
    nothing: '',
  };
  const { privateKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const good = jws(header('RS256'), claims, rs(privateKey));
  const [head = '', body = '', signature = ''] = good.split('.');
  return [
    ...['none', 'None', 'NONE', 'nOnE', '', null].map((alg) => ({
      name: `alg ${shown(alg)} without a signature`,
      token: jws(header(alg), claims, nothing),
    })),
    {
      name: 'alg none with the signature of RS256',
      token: jws(header('none'), claims, rs(privateKey)),
    },
    { name: 'no alg', token: jws({ typ: 'at+jwt', kid }, claims, rs(privateKey)) },
    { name: 'alg as a list', token: jws(header(['RS256']), claims, rs(privateKey)) },
    { name: 'alg in lower case', token: jws(header('rs256'), claims, rs(privateKey)) },
    ...Object.entries(secrets).flatMap(([what, secret]) => [
      { name: `HS256 under ${what}`, token: jws(header('HS256'), claims, hs(secret)) },
      {
        name: `RS256, in truth HS256 under ${what}`,
        token: jws(header('RS256'), claims, hs(secret)),
      },
    ]),
    { name: 'RS384', token: jws(header('RS384'), claims, rs(privateKey, 384)) },
    { name: 'RS512', token: jws(header('RS512'), claims, rs(privateKey, 512)) },
    { name: 'PS256', token: jws(header('PS256'), claims, ps(privateKey)) },
    { name: 'RS256, in truth PS256', token: jws(header('RS256'), claims, ps(privateKey)) },
    { name: 'ES256', token: jws(header('ES256'), claims, es(ec)) },
    { name: 'RS256, in truth ES256', token: jws(header('RS256'), claims, es(ec)) },
    { name: 'an empty signature', token: `${head}.${body}.` },
    { name: 'no signature', token: `${head}.${body}` },
    { name: 'a zero signature', token: jws(header('RS256'), claims, () => Buffer.alloc(256)) },
    {
      name: 'a signature that is one byte longer',
      token: jws(header('RS256'), claims, (input) =>
        Buffer.concat([rs(privateKey)(input), Buffer.alloc(1)]),
      ),
    },
    { name: 'a fourth part', token: `${good}.x` },
    { name: 'padding', token: `${good}==` },
    { name: 'a line feed, encoded', token: `${head}.${body}.${signature}%0a` },
    { name: 'another alphabet of base64', token: `${good.slice(0, -6)}+/+/+/` },
  ];
}

/** Tokens that bring or point to a key of their own (RFC 8725 §2.10, §3.10; RFC 7515 §4.1.2 to §4.1.8). */
export function otherKeys({ genuine, own, server, claims }: Workshop): Forged[] {
  const { kid } = genuine;
  const forged = (more: Json) =>
    jws({ alg: 'RS256', typ: 'at+jwt', kid, ...more }, claims, rs(own.privateKey));
  const certificate = Buffer.from('not a certificate').toString('base64');
  const kids: unknown[] = [
    own.kid,
    undefined,
    null,
    '',
    0,
    [kid],
    { kid },
    `${server}/jwks.json`,
    '../../../../dev/null',
    '/dev/null',
    'file:///etc/passwd',
    "' UNION SELECT 'x' --",
    '| sleep 9',
    'a\u0000b',
    '__proto__',
    'constructor',
    'k'.repeat(4_000),
  ];
  return [
    { name: 'a key of their own under the kid of ours', token: forged({}) },
    ...kids.map((given) => ({
      name: `kid ${shown(given)}`,
      token: forged({ kid: given }),
    })),
    { name: 'the key in jwk', token: forged({ jwk: own.jwk }) },
    {
      name: 'the key in jwk, under its kid',
      token: forged({ kid: own.kid, jwk: { ...own.jwk, kid: own.kid } }),
    },
    { name: 'jku', token: forged({ jku: `${server}/jwks.json` }) },
    { name: 'jku, under its kid', token: forged({ kid: own.kid, jku: `${server}/jwks.json` }) },
    { name: 'x5u', token: forged({ x5u: `${server}/chain.pem` }) },
    { name: 'x5c', token: forged({ x5c: [certificate] }) },
    { name: 'x5t', token: forged({ x5t: 'x', 'x5t#S256': 'x' }) },
    {
      name: 'iss of their own, with its discovery there',
      token: jws(
        { alg: 'RS256', typ: 'at+jwt', kid: own.kid },
        { ...claims, iss: server },
        rs(own.privateKey),
      ),
    },
  ];
}

/** Tokens that the genuine key has signed, and that are something else (RFC 8725 §2.7, §2.8, §3.8 to §3.12). */
export function otherThings({ genuine, claims }: Workshop): Forged[] {
  const header = { alg: 'RS256', typ: 'at+jwt', kid: genuine.kid };
  const signed = (moreHeader: Json, moreClaims: Json = {}) =>
    jws(
      { ...header, ...moreHeader },
      { ...claims, jti: randomUUID(), ...moreClaims },
      rs(genuine.privateKey),
    );
  const good = signed({});
  const types: unknown[] = [
    undefined,
    null,
    '',
    'JWT',
    'jwt',
    'JOSE',
    'id+jwt',
    'rt+jwt',
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'token-introspection+jwt',
    'at+jwt;a=b',
    ' at+jwt',
    ['at+jwt'],
  ];
  const wrong: Record<string, readonly unknown[]> = {
    aud: [
      undefined,
      null,
      '',
      [],
      {},
      'Orders',
      'ordersx',
      ['ORDERS', 'PAYMENTS', 'IDENTITY'],
      'orders payments identity',
      'orders,payments,identity',
      [['orders', 'payments', 'identity']],
      '*',
      [null],
    ],
    iss: [
      undefined,
      null,
      '',
      [claims['iss']],
      `${String(claims['iss'])}/`,
      String(claims['iss']).toUpperCase(),
      'https://evil.example',
      `${String(claims['iss'])}.evil.example`,
    ],
    exp: [
      undefined,
      null,
      '',
      0,
      -1,
      1,
      Number(claims['iat']) - 3_600,
      String(claims['exp']),
      [claims['exp']],
      true,
      1e300,
    ],
    iat: [undefined, null, 'now', Number(claims['iat']) + 86_400],
    nbf: [Number(claims['iat']) + 86_400, 'later'],
    sub: [undefined, null, '', 0, ['x']],
    jti: [undefined, null, 0],
    client_id: [undefined, null, 0],
  };
  const text = JSON.stringify(claims);
  return [
    ...types.map((typ) => ({ name: `typ ${shown(typ)}`, token: signed({ typ }) })),
    ...Object.entries(wrong).flatMap(([claim, values]) =>
      values.map((value) => ({
        name: `${claim} ${shown(value)}`,
        token: signed({}, { [claim]: value }),
      })),
    ),
    {
      name: 'a token in a token',
      token: jws({ ...header, cty: 'JWT' }, good, rs(genuine.privateKey)),
    },
    {
      name: 'a token in a token, as text',
      token: jws(header, JSON.stringify(good), rs(genuine.privateKey)),
    },
    { name: 'crit that nobody knows', token: signed({ crit: ['x'], x: 1 }) },
    { name: 'crit of what everybody knows', token: signed({ crit: ['exp'] }) },
    { name: 'an empty crit', token: signed({ crit: [] }) },
    { name: 'an unencoded payload (RFC 7797)', token: signed({ b64: false, crit: ['b64'] }) },
    {
      name: 'two members of one name in the header',
      token: jws(
        `{"alg":"none","alg":"RS256","typ":"at+jwt","kid":"${genuine.kid}"}`,
        claims,
        rs(genuine.privateKey),
      ),
    },
    {
      name: 'two members of one name in the claims',
      token: jws(header, `{"sub":"admin",${text.slice(1)}`, rs(genuine.privateKey)),
    },
    { name: 'claims that are a list', token: jws(header, `[${text}]`, rs(genuine.privateKey)) },
    { name: 'claims that are nothing', token: jws(header, '', rs(genuine.privateKey)) },
    { name: 'more after the claims', token: jws(header, `${text}{}`, rs(genuine.privateKey)) },
    {
      name: 'an encrypted token',
      token: `${Buffer.from('{"alg":"dir","enc":"A128GCM","typ":"at+jwt"}').toString('base64url')}..AAAA.AAAA.AAAA`,
    },
    {
      name: 'the JSON serialisation',
      token: JSON.stringify({
        payload: good.split('.')[1],
        protected: good.split('.')[0],
        signature: good.split('.')[2],
      }),
    },
  ];
}
