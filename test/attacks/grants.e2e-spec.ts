import { jest } from '@jest/globals';
import { Browser, ask } from '../../apps/identity/test/browser.js';
import { bearer, expectStatus, post, Stack, until } from '../stack.js';

jest.setTimeout(240_000);

let stack: Stack;
let account: { email: string; password: string };
let operator: string;
beforeAll(async () => {
  stack = await Stack.start();
  account = await stack.addAccount('ann@example.test');
  operator = await stack.addOperator('olga', ['read', 'keys']);
});
afterAll(() => stack.stop());

interface Credentials {
  readonly access_token: string;
  readonly refresh_token: string;
}
async function credentialsOf(answer: Promise<Response>): Promise<Credentials> {
  const given = (await (await expectStatus(200, answer)).json()) as Credentials;
  stack.know(given.access_token);
  stack.know(given.refresh_token);
  return given;
}
const signIn = () => credentialsOf(post(stack.url('gateway', '/auth/login'), account));
const refresh = (token: string) =>
  post(stack.url('gateway', '/auth/refresh'), { refresh_token: token });
const codeOf = async (answer: Response) => ((await answer.json()) as { code?: string }).code;

describe('refresh tokens (RFC 9700 §4.14)', () => {
  it('one that was used before ends everything that came of it, at every service', async () => {
    const first = await signIn();
    const second = await credentialsOf(refresh(first.refresh_token));
    const third = await credentialsOf(refresh(second.refresh_token));
    expect(await codeOf(await expectStatus(401, refresh(first.refresh_token)))).toBe(
      'refresh_token_replayed',
    );
    await expectStatus(401, refresh(third.refresh_token));
    const doors = [
      ['orders', '/orders'],
      ['payments', '/payments'],
      ['gateway', '/orders'],
      ['gateway', '/auth/me'],
    ] as const;
    for (const { access_token: token } of [first, second, third]) {
      for (const [at, path] of doors) {
        const headers = bearer(token);
        await until(
          async () => (await fetch(stack.url(at, path), { headers })).status === 401,
          60_000,
        );
      }
    }
  });

  it('another kind of credential is none, and a refresh token is no other kind', async () => {
    const { access_token: access, refresh_token: own } = await signIn();
    for (const token of [
      access,
      operator,
      account.password,
      '',
      `${own} `,
      ` ${own}`,
      `${own}.x`,
    ]) {
      expect([400, 401]).toContain((await refresh(token)).status);
    }
    for (const [at, path] of [
      ['gateway', '/auth/me'],
      ['gateway', '/orders'],
      ['orders', '/orders'],
      ['operator', '/operator/status'],
    ] as const) {
      await expectStatus(401, fetch(stack.url(at, path), { headers: bearer(own) }));
    }
    // Nothing has happened to the one that is good.
    await credentialsOf(refresh(own));
  });
});

describe('credentials in an address (RFC 9700 §4.3.2, RFC 6750 §2.3)', () => {
  it('are none: neither of people, nor of operators, nor of clients', async () => {
    const { access_token: token, refresh_token: own } = await signIn();
    const doors = [
      ['gateway', '/auth/me', token],
      ['gateway', '/payments', token],
      ['public', '/auth/me', token],
      ['public', '/auth/sessions', token],
      ['orders', '/orders', token],
      ['payments', '/payments', token],
      ['operator', '/operator/status', operator],
      ['service', '/revocations', stack.clientSecrets['orders']!],
    ] as const;
    for (const [at, path, secret] of doors) {
      for (const name of ['access_token', 'token', 'authorization', 'client_secret', 'jwt']) {
        const answer = await fetch(stack.url(at, `${path}?${name}=${encodeURIComponent(secret)}`));
        expect([at, path, name, answer.status]).toEqual([at, path, name, 401]);
      }
    }
    for (const path of ['/auth/refresh', '/auth/logout']) {
      const url = stack.url('gateway', `${path}?refresh_token=${own}&access_token=${token}`);
      await expectStatus(401, post(url, {}));
    }
    await credentialsOf(refresh(own));
  });

  it('nor in a form, or in a cookie of a name that is not ours', async () => {
    const { access_token: token } = await signIn();
    const logout = stack.url('gateway', '/auth/logout');
    const form = new URLSearchParams({ access_token: token });
    expect([401, 403, 415]).toContain((await fetch(logout, { method: 'POST', body: form })).status);
    for (const name of ['access_token', 'token', 'session', 'countersign-access']) {
      const headers = { cookie: `${name}=${token}` };
      for (const at of ['gateway', 'orders'])
        await expectStatus(401, fetch(stack.url(at, '/orders'), { headers }));
    }
    await expectStatus(200, fetch(stack.url('gateway', '/auth/me'), { headers: bearer(token) }));
  });
});

describe('pages elsewhere (RFC 9700 §4.7)', () => {
  const ELSEWHERE: readonly (readonly string[])[] = [
    [],
    ['origin', 'https://evil.example'],
    ['origin', 'null'],
    ['sec-fetch-site', 'cross-site'],
    ['sec-fetch-site', 'same-site'],
  ];

  it.each(['cookie', 'session'])(
    'neither sign a visitor in, refresh, nor sign them out through the gateway (%s)',
    async (delivery) => {
      const origin = stack.url('gateway');
      const browser = new Browser(origin, origin);
      const login = { ...account, delivery };
      expect((await browser.fetch('POST', '/auth/login', login)).status).toBe(200);
      for (const page of ELSEWHERE) {
        for (const [path, body] of [
          ['/auth/login', login],
          ['/auth/refresh', {}],
          ['/auth/logout', {}],
        ] as const) {
          const cookie = browser.cookieHeader(path);
          const headers = ['cookie', cookie, 'content-type', 'application/json', ...page];
          const answer = await ask(origin, 'POST', path, { headers, body: JSON.stringify(body) });
          expect([path, page, answer.status, answer.body['code']]).toEqual([
            path,
            page,
            403,
            'origin_required',
          ]);
          expect(answer.setCookies).toEqual([]);
        }
      }
      expect((await browser.fetch('GET', '/auth/me')).status).toBe(200);
    },
  );
});

describe('what is not offered (RFC 9700 §2.1, §2.4)', () => {
  const client = {
    id: 'billing',
    kind: 'confidential',
    audiences: ['orders'],
    scopes: ['orders:read'],
  };
  let basic: { authorization: string };
  beforeAll(async () => {
    const made = await expectStatus(
      201,
      post(stack.url('operator', '/operator/clients'), client, bearer(operator)),
    );
    const { client_secret: secret } = (await made.json()) as { client_secret: string };
    stack.know(secret);
    basic = { authorization: `Basic ${Buffer.from(`billing:${secret}`).toString('base64')}` };
  });
  const token = (form: Record<string, string>, headers: Record<string, string> = basic) =>
    fetch(stack.url('gateway', '/oauth/token'), {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
    });

  it('there is no code flow: no endpoint, no response type, no redirect', async () => {
    const answer = await fetch(stack.url('gateway', '/.well-known/oauth-authorization-server'));
    const metadata = (await answer.json()) as Record<string, unknown>;
    expect(metadata).toMatchObject({
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
    });
    expect(
      Object.keys(metadata).filter((name) =>
        /authorization_endpoint|par|device|registration/.test(name),
      ),
    ).toEqual([]);
    const query =
      'response_type=code&client_id=first-party&redirect_uri=https%3A%2F%2Fevil.example';
    for (const path of [
      '/oauth/authorize',
      '/authorize',
      '/auth/authorize',
      '/oauth/auth',
      '/oauth/par',
      '/oauth/device_authorization',
      '/oauth/register',
      '/oauth/introspect',
    ]) {
      for (const at of ['gateway', 'public']) {
        const refused = await fetch(stack.url(at, `${path}?${query}`), { redirect: 'manual' });
        expect([at, path, refused.status, refused.headers.get('location')]).toEqual([
          at,
          path,
          404,
          null,
        ]);
      }
    }
  });

  it.each([
    'password',
    'authorization_code',
    'implicit',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:device_code',
    'CLIENT_CREDENTIALS',
    'client_credentials password',
  ])('the grant %s is not', async (grant) => {
    const answer = await token({
      grant_type: grant,
      username: account.email,
      password: account.password,
      code: 'x',
      refresh_token: 'x',
      assertion: 'x',
      subject_token: 'x',
      device_code: 'x',
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: 'unsupported_grant_type' },
    ]);
  });

  it('a client gets no wider token than it has by asking (audience restriction, §2.3)', async () => {
    const more = {
      audience: 'payments',
      resource: 'https://payments.example',
      aud: 'payments identity',
      sub: 'admin',
      roles: 'support',
      sid: 'x',
    };
    const answer = await expectStatus(200, token({ grant_type: 'client_credentials', ...more }));
    const { access_token: own } = (await answer.json()) as { access_token: string };
    const claims = JSON.parse(Buffer.from(own.split('.')[1]!, 'base64url').toString()) as object;
    expect(claims).toMatchObject({ sub: 'billing', aud: ['orders'], scope: 'orders:read' });
    expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['roles', 'sid', 'auth_time']));
    await expectStatus(200, fetch(stack.url('orders', '/orders'), { headers: bearer(own) }));
    for (const [at, path] of [
      ['payments', '/payments'],
      ['gateway', '/payments'],
      ['gateway', '/auth/me'],
      ['public', '/auth/sessions'],
    ] as const) {
      expect(
        await codeOf(await expectStatus(401, fetch(stack.url(at, path), { headers: bearer(own) }))),
      ).toBe('wrong_audience');
    }
    for (const scope of [
      'payments:write',
      'orders:read payments:write',
      'orders:*',
      'ORDERS:READ',
    ]) {
      await expectStatus(400, token({ grant_type: 'client_credentials', scope }));
    }
  });

  it('a client proves who it is in one way only', async () => {
    const secret = Buffer.from(basic.authorization.slice(6), 'base64').toString().split(':')[1]!;
    const grant = { grant_type: 'client_credentials' };
    await expectStatus(401, token({ ...grant, client_id: 'billing', client_secret: secret }, {}));
    await expectStatus(401, token({ ...grant, client_id: 'billing' }, {}));
    await expectStatus(
      401,
      token(
        {
          ...grant,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: 'x',
        },
        {},
      ),
    );
    const inQuery = stack.url('gateway', `/oauth/token?client_id=billing&client_secret=${secret}`);
    await expectStatus(401, fetch(inQuery, { method: 'POST', body: new URLSearchParams(grant) }));
  });
});
