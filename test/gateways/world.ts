import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { Browser } from '../../apps/identity/test/browser.js';
import { bearer, freePorts, Stack, until } from '../stack.js';
import { EchoUpstream } from './echo.js';
import type { Places } from './edges.js';
import { Road } from './road.js';

const ACCESS = '__Host-countersign-access';
const SESSION = '__Host-countersign-session';

/** Who asks the gateways: a person signed in in every way, and tokens that are wrong in every way. */
export interface Credentials {
  readonly bearer: string;
  /** `name=value` of a cookie. */
  readonly access: string;
  readonly session: string;
  readonly endedSession: string;
  readonly revoked: string;
  readonly expired: string;
  readonly badSignature: string;
  readonly forPayments: string;
  readonly withoutScope: string;
}

/** Identity, an upstream, the way between gateways and identity, and the Node gateway. */
export class World {
  private constructor(
    readonly stack: Stack,
    readonly road: Road,
    readonly echo: EchoUpstream,
    readonly places: Pick<Places, 'identityPublic' | 'identityService' | 'orders' | 'payments'>,
    readonly credentials: Credentials,
    private readonly account: { email: string; password: string },
  ) {}

  static async start(): Promise<World> {
    const echo = await EchoUpstream.start();
    const [roadPort = 0, closedPort = 0] = await freePorts(2);
    const service = `http://127.0.0.1:${String(roadPort)}`;
    const stack = await Stack.start([], {
      SERVICE_URL: service,
      DISCOVERY_URL: `${service}/.well-known/oauth-authorization-server`,
      ORDERS_URL: `http://${echo.host}`,
      PAYMENTS_URL: `http://127.0.0.1:${String(closedPort)}`,
      FORWARD_AUTH_PEERS: '127.0.0.0/8,::1',
      LOG_LEVEL: 'warn',
    });
    const road = await Road.start(roadPort, stack.ports['service']!);
    await stack.startApp('identity');
    await stack.startApp('gateway');
    const account = await stack.addAccount('ann@example.test');
    const places = {
      identityPublic: `127.0.0.1:${String(stack.ports['public'])}`,
      identityService: `127.0.0.1:${String(roadPort)}`,
      orders: echo.host,
      payments: `127.0.0.1:${String(closedPort)}`,
    };
    const credentials = await credentialsIn(stack, account);
    return new World(stack, road, echo, places, credentials, account);
  }

  get issuer(): string {
    return this.stack.url('gateway');
  }

  /** Signs in with the opaque cookie. @returns `name=value`, and how to log out with receipts */
  signIn() {
    return openSession(this.stack, this.account);
  }

  async rotateSigningKey(): Promise<void> {
    const { code, err } = await this.stack.cli(['keys', 'rotate', '--force', '--yes'], {
      COUNTERSIGN_OPERATOR_URL: this.stack.url('operator'),
      COUNTERSIGN_OPERATOR_TOKEN: await this.stack.addOperator('alice', ['read', 'keys']),
    });
    if (code !== 0) throw new Error(`the key was not rotated: ${err}`);
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    this.road.stop();
    this.echo.stop();
  }
}

async function credentialsIn(
  stack: Stack,
  account: { email: string; password: string },
): Promise<Credentials> {
  const good = await stack.signIn(account);
  const revoked = await stack.signIn(account);
  const logout = { method: 'POST', headers: { ...bearer(revoked), prefer: 'wait=5' } };
  await fetch(stack.url('public', '/auth/logout'), logout);
  for (const at of ['public', 'gateway'] as const) {
    const url = stack.url(at, at === 'public' ? '/auth/me' : '/orders');
    await until(() => isAnswered(url, revoked, 'revoked'), 60_000);
  }
  let ended = await openSession(stack, account);
  // On a machine that is too busy for the receipts to come in time, once more.
  for (let left = 5; left > 0 && !(await ended.end()); left -= 1)
    ended = await openSession(stack, account);
  const sign = await foreignKey(stack);
  const withAccess = new Browser(stack.url('public'), stack.url('gateway'));
  await withAccess.fetch('POST', '/auth/login', { ...account, delivery: 'cookie' });
  const expired = sign({ exp: Math.floor(Date.now() / 1000) - 60 });
  // Until both have read the new key set, the key is unknown.
  await until(() => isAnswered(stack.url('public', '/auth/me'), expired, 'expired'), 60_000);
  await until(() => isAnswered(stack.url('gateway', '/orders'), expired, 'expired'), 60_000);
  return {
    bearer: good,
    access: `${ACCESS}=${withAccess.cookies.get(ACCESS)!.value}`,
    session: (await openSession(stack, account)).cookie,
    endedSession: ended.cookie,
    revoked,
    expired,
    badSignature: `${good.slice(0, -8)}AAAAAAAA`,
    forPayments: sign({ aud: ['payments'] }),
    withoutScope: sign({ scope: 'orders:read' }),
  };
}

async function openSession(stack: Stack, account: { email: string; password: string }) {
  const browser = new Browser(stack.url('public'), stack.url('gateway'));
  const { status } = await browser.fetch('POST', '/auth/login', {
    ...account,
    delivery: 'session',
  });
  if (status !== 200) throw new Error(`nobody can sign in: ${String(status)}`);
  return {
    cookie: `${SESSION}=${browser.cookies.get(SESSION)!.value}`,
    /** @returns whether there were all receipts */
    async end(): Promise<boolean> {
      const answer = await browser.fetch('POST', '/auth/logout', undefined, ['prefer', 'wait=5']);
      return answer.status === 200;
    },
  };
}

/** A key of ours in identity's key set, so that tokens can be made that identity would not make. */
async function foreignKey(stack: Stack) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const { code, out, err } = await stack.cli(['keys', 'import', '-'], stack.env('identity'), pem);
  const kid = /^(\S+) is prepared/.exec(out)?.[1];
  if (code !== 0 || kid === undefined) throw new Error(`the key was not imported: ${err}`);
  const now = Math.floor(Date.now() / 1000);
  const usual = {
    iss: stack.url('gateway'),
    sub: randomUUID(),
    aud: ['orders', 'identity'],
    client_id: 'first-party',
    scope: 'orders:read orders:write',
    iat: now - 120,
    exp: now + 600,
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return (claims: Readonly<Record<string, unknown>>): string => {
    const header = encode({ alg: 'RS256', typ: 'at+jwt', kid });
    const signed = `${header}.${encode({ ...usual, jti: randomUUID(), ...claims })}`;
    return `${signed}.${createSign('sha256').update(signed).sign(privateKey, 'base64url')}`;
  };
}

async function isAnswered(url: string, token: string, code: string): Promise<boolean> {
  const answer = await fetch(url, { headers: bearer(token) });
  return ((await answer.json()) as { code?: string }).code === code;
}
