import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { jest } from '@jest/globals';
import { calculateJwkThumbprint, CompactSign } from 'jose';
import type { JWK } from 'jose';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { startOperatorListener } from '../../test/operator-listener.js';
import type { OperatorListener } from '../../test/operator-listener.js';
import { DEFAULT_CLIENT_ID } from '../access-tokens/client.js';
import { Accounts } from '../accounts/accounts.js';
import type { ExplanationJson } from '../operators/api/token-json.js';
import { CheckIns } from '../relying-services/check-ins.js';
import { RelyingServices } from '../relying-services/relying-services.js';
import { RevocationLog } from '../revocation/revocation-log.js';
import type { Revocation } from '../revocation/revocation-log.js';
import { Sessions } from '../sessions/sessions.js';
import { KeyRing } from '../signing-keys/key-ring.js';

jest.setTimeout(120_000);

let replica: Replica;
let listener: OperatorListener;
let operator: string;
let accountId: string;
/** A key whose private half this test has; in the database it has retired, and is published. */
let ours: { kid: string; privateKey: KeyObject };

const sql = (text: string, values?: unknown[]) =>
  replica.database.run((manager) => manager.query<unknown>(text, values));

beforeAll(async () => {
  replica = await startReplica();
  await replica.get(KeyRing).load();
  await replica.get(RevocationLog).noteLifetime(300);
  const secretSha256 = Buffer.alloc(32, 1);
  await replica.get(RelyingServices).reconcile([
    { id: 'orders', audience: 'orders', secretSha256 },
    { id: 'payments', audience: 'payments', secretSha256 },
    { id: 'gateway', audience: null, secretSha256 },
  ]);
  listener = await startOperatorListener(replica);
  operator = await listener.addOperator('ann', ['read']);
  const { privateKey, jwk } = await newKey();
  ours = { kid: jwk.kid, privateKey };
  await sql(
    `INSERT INTO signing_keys (kid, state, public_jwk, prepared_at, activated_at, retired_at,
       prepared_ms, activated_ms, retired_ms, tokens_until)
     VALUES ($1, 'retired', $2, now(), now(), now(), 0, 0, 0, now() + interval '1 hour')`,
    [ours.kid, JSON.stringify(jwk)],
  );
  await ringHasChanged();
});
beforeEach(async () => {
  accountId = await replica
    .get(Accounts)
    .addVerified(`${randomUUID()}@example.test`, 'x', ['customer']);
});
afterAll(async () => {
  await listener.close();
  await stopReplicas();
});

async function newKey() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const bare = publicKey.export({ format: 'jwk' }) as JWK;
  const jwk = { ...bare, alg: 'RS256', use: 'sig', kid: await calculateJwkThumbprint(bare) };
  return { privateKey, jwk };
}
async function ringHasChanged() {
  await sql(`UPDATE key_ring SET version = version + 1`);
  await replica.get(KeyRing).follow();
}
async function begin() {
  const sessions = replica.get(Sessions);
  const { session, accessToken } = await sessions.begin(accountId, {
    clientId: DEFAULT_CLIENT_ID,
    delivery: 'bearer',
    remember: false,
    deviceName: null,
    userAgent: null,
    ip: null,
  });
  return { sid: session.sid, accessToken };
}
const now = () => Math.floor(Date.now() / 1000);
const goodClaims = () => ({
  iss: 'http://localhost:8080',
  sub: accountId,
  aud: ['orders'],
  iat: now(),
  exp: now() + 300,
  jti: randomUUID(),
  client_id: 'first-party',
  scope: 'orders:read',
});
const sign = (claims: object, header: object = {}, key = ours) =>
  new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key.kid, ...header })
    .sign(key.privateKey);
async function explain(token: string): Promise<ExplanationJson> {
  const answer = await listener.ask(operator, 'POST', '/operator/tokens/explain', { token });
  const text = await answer.text();
  expect(answer.status).toBe(200);
  // Whoever reads the answer cannot use the token.
  const signature = token.split('.')[2] ?? '';
  if (signature.length > 40) expect(text).not.toContain(signature);
  return JSON.parse(text) as ExplanationJson;
}
const verdicts = ({ services }: ExplanationJson) =>
  Object.fromEntries(services.map(({ id, accepts, code }) => [id, code ?? accepts]));
const everywhere = (code: string) => ({
  gateway: null,
  identity: code,
  orders: code,
  payments: code,
});
const revoke = (revocation: Revocation) =>
  replica.database.transaction((tx) => replica.get(RevocationLog).append(tx, revocation));

it('a live token: what it says, what is known of it, and that everybody accepts it', async () => {
  const { sid, accessToken } = await begin();
  const told = await explain(accessToken);
  expect(told).toMatchObject({
    form: 'jwt',
    header: { alg: 'RS256', typ: 'at+jwt' },
    claims: { sub: accountId, sid, client_id: 'first-party' },
    signature: 'good',
    key: { kid: told.header?.['kid'], state: 'active', retired_at: null },
    session: { sid, state: 'live', account_id: accountId, end_reason: null },
    account: { id: accountId, state: 'enabled' },
    client: { id: 'first-party', state: 'enabled' },
    revocations: [],
  });
  expect(Math.abs(told.now - now())).toBeLessThan(60);
  expect(verdicts(told)).toEqual({ gateway: null, identity: true, orders: true, payments: true });
});

it('a token for one service: the others say why they do not take it', async () => {
  const told = await explain(await sign({ ...goodClaims(), sub: 'a-service' }));
  expect(told).toMatchObject({
    signature: 'good',
    key: { kid: ours.kid, state: 'retired' },
    session: null,
    account: null,
  });
  expect(verdicts(told)).toEqual({ ...everywhere('wrong_audience'), orders: true });
});

it.each<[string, (sid: string) => Revocation]>([
  ['sid', (id) => ({ kind: 'sid', id })],
  ['sub', () => ({ kind: 'sub', id: accountId })],
  ['client', () => ({ kind: 'client', id: 'first-party' })],
  ['all', () => ({ kind: 'all', id: '*' })],
])(
  'a token that a revocation of kind %s covers is revoked, also with nobody to hear it',
  async (kind, of) => {
    const { sid, accessToken } = await begin();
    const { epoch, seq } = await revoke(of(sid));
    const told = await explain(accessToken);
    expect(told.revocations[0]).toMatchObject({ epoch, seq, kind });
    expect(told.signature).toBe('good');
    expect(verdicts(told)).toEqual(everywhere('revoked'));
    expect(told.services[1]?.reason).toContain(kind);
  },
);

it('an ended session says why; the instances that have not applied it are named, until they have', async () => {
  const { sid, accessToken } = await begin();
  const instanceId = randomUUID();
  const kids = replica
    .get(KeyRing)
    .document()
    .keys.map(({ kid }) => kid!);
  const report = (seq: number, held = kids) =>
    replica.get(CheckIns).checkIn('orders', { instanceId, kids: held, applied: { epoch: 1, seq } });
  const atOrders = async () =>
    (await explain(accessToken)).services.find(({ id }) => id === 'orders');
  const { seq: before } = await replica.get(RevocationLog).head();
  await report(before, []);
  expect(await atOrders()).toMatchObject({
    accepts: true,
    live_instances: 1,
    without_key: [instanceId],
    without_revocation: [],
  });
  const { seq } = await replica.get(Sessions).end(sid, 'logout');
  await report(before);
  expect(await atOrders()).toMatchObject({
    accepts: false,
    code: 'revoked',
    without_key: [],
    without_revocation: [instanceId],
  });
  await report(seq);
  expect(await atOrders()).toMatchObject({ code: 'revoked', without_revocation: [] });
  expect((await explain(accessToken)).session).toMatchObject({
    state: 'ended',
    end_reason: 'logout',
    ended_at: expect.any(Number),
  });
});

it('a disabled account and an expired session are told', async () => {
  const { sid, accessToken } = await begin();
  await sql(`UPDATE accounts SET disabled_at = now() WHERE id = $1`, [accountId]);
  await sql(`UPDATE sessions SET expires_at = now() - interval '1 s' WHERE sid = $1`, [sid]);
  expect(await explain(accessToken)).toMatchObject({
    account: { state: 'disabled' },
    session: { state: 'expired' },
  });
});

it.each<[string, () => Promise<string>, string, string]>([
  [
    'expired',
    () => sign({ ...goodClaims(), iat: now() - 900, exp: now() - 600 }),
    'good',
    'expired',
  ],
  [
    'from the future',
    () => sign({ ...goodClaims(), iat: now() + 600, exp: now() + 900 }),
    'good',
    'not_yet_valid',
  ],
  [
    'of another issuer',
    () => sign({ ...goodClaims(), iss: 'https://x.test' }),
    'good',
    'wrong_issuer',
  ],
  ['living too long', () => sign({ ...goodClaims(), exp: now() + 90_000 }), 'good', 'malformed'],
  ['of another type', () => sign(goodClaims(), { typ: 'JWT' }), 'unreadable', 'unexpected_type'],
  [
    'of another algorithm',
    async () => `${b64({ alg: 'none', typ: 'at+jwt' })}.${b64(goodClaims())}.AAAA`,
    'unreadable',
    'algorithm_not_allowed',
  ],
  ['without claims', () => sign({}), 'unreadable', 'malformed'],
])('a token %s', async (_what, make, signature, code) => {
  const told = await explain(await make());
  expect([told.form, told.signature]).toEqual(['jwt', signature]);
  expect(verdicts(told)['orders']).toBe(code);
  expect(told.services.every(({ accepts }) => accepts !== true)).toBe(true);
});
const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

it('a token of an unknown key, of somebody else, and one that was changed', async () => {
  const { privateKey, jwk } = await newKey();
  const foreign = await explain(await sign(goodClaims(), {}, { kid: jwk.kid, privateKey }));
  expect(foreign).toMatchObject({ signature: 'unknown_key', key: null });
  expect(verdicts(foreign)['orders']).toBe('unknown_key');
  const stolenName = await explain(await sign(goodClaims(), {}, { kid: ours.kid, privateKey }));
  expect(stolenName).toMatchObject({ signature: 'bad', key: { kid: ours.kid } });
  expect(verdicts(stolenName)['orders']).toBe('bad_signature');
  const [header, , signature] = (await begin()).accessToken.split('.');
  const changed = await explain(
    [header, b64({ ...goodClaims(), roles: ['support'] }), signature].join('.'),
  );
  expect(changed.signature).toBe('bad');
  expect(changed.services.some(({ accepts }) => accepts === true)).toBe(false);
});

it('tokens of a purged key are unknown to all, those of a revoked one revoked for ever; both are ours', async () => {
  const token = await sign(goodClaims());
  const become = async (state: string) => {
    await sql(`UPDATE signing_keys SET state = $2, ended_at = now() WHERE kid = $1`, [
      ours.kid,
      state,
    ]);
    await ringHasChanged();
  };
  await become('purged');
  const purged = await explain(token);
  expect(purged).toMatchObject({ signature: 'good', key: { state: 'purged' } });
  expect(verdicts(purged)['orders']).toBe('unknown_key');
  await become('revoked');
  await revoke({ kind: 'kid', id: ours.kid });
  const revoked = await explain(token);
  expect(revoked).toMatchObject({
    signature: 'good',
    key: { state: 'revoked', ended_at: expect.any(Number) },
    revocations: [{ kind: 'kid' }],
  });
  expect(verdicts(revoked)['orders']).toBe('revoked');
  await become('retired');
});

it.each<[string, string, string]>([
  ['nonsense', 'hello', 'unknown'],
  ['dots', '..', 'unknown'],
  ['a NUL', '\u0000', 'unknown'],
  ['an operator token', `ann.${'x'.repeat(43)}`, 'operator_token'],
  ['a refresh token', `${randomUUID()}.3.${'x'.repeat(43)}`, 'refresh_token'],
  ['half a token', `${b64({ alg: 'RS256' })}.x.y`, 'jwt'],
  [
    'a token of names that are not ours',
    `${b64({ kid: '\u0000' })}.${b64({ sub: '\u0000', sid: 7, aud: {}, iat: 'x', iss: [] })}.AA`,
    'jwt',
  ],
  ['a huge instant', `${b64({})}.${b64({ iat: 1e308, exp: -1e308, sub: 'x' })}.AA`, 'jwt'],
  ['one that is too long', `a.${'b'.repeat(10_000)}.c`, 'unknown'],
])('%s is explained too', async (_what, token, form) => {
  const told = await explain(token);
  expect(told.form).toBe(form);
  expect(told.services.every(({ accepts }) => accepts !== true)).toBe(true);
});

it('a refresh token leads to its session', async () => {
  const { sid } = await begin();
  expect(await explain(`${sid}.0.${'x'.repeat(43)}`)).toMatchObject({
    form: 'refresh_token',
    session: { sid, state: 'live' },
    account: { id: accountId },
  });
});
