import 'reflect-metadata';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { createTokenVerifier } from '@countersign/token-verifier';
import type { AccessToken, TokenVerifier, TokenVerifierOptions } from '@countersign/token-verifier';
import {
  AllowStaleRevocations,
  CountersignAuthModule,
  CurrentToken,
  Public,
  RequireScope,
} from './index.js';

@Controller()
class UndecoratedController {
  @Get('undecorated')
  who(@CurrentToken() token: AccessToken) {
    return { subject: token.subject };
  }

  @Get('user')
  user(@Req() request: { user?: AccessToken }) {
    return { subject: request.user?.subject ?? null };
  }

  @AllowStaleRevocations()
  @Get('stays-open')
  staysOpen() {
    return {};
  }

  @Public()
  @Get('open')
  open() {
    return { open: true };
  }

  @Public()
  @Get('open-but-asks')
  mistaken(@CurrentToken() token: AccessToken) {
    return token;
  }
}

@RequireScope('orders:read')
@Controller('scoped')
class ScopedController {
  @Get()
  read() {
    return {};
  }

  @RequireScope('orders:write', 'payments:write')
  @Post()
  write() {
    return {};
  }
}

interface Case {
  readonly name: string;
  readonly path?: string;
  readonly method?: string;
  /** What to send as `Authorization`; a function makes a token first. */
  readonly authorization?: (issuer: TestIssuer) => Promise<string> | string;
  readonly status: number;
  readonly code?: string;
  readonly challenge?: string;
}

const INVALID_TOKEN = 'Bearer error="invalid_token"';
const INVALID_REQUEST = 'Bearer error="invalid_request"';
const bearer = async (token: Promise<string>) => `Bearer ${await token}`;

const CASES: readonly Case[] = [
  {
    name: 'no credentials',
    status: 401,
    code: 'credentials_required',
    challenge: 'Bearer realm="countersign"',
  },
  {
    name: 'another scheme',
    authorization: () => 'Basic YTpi',
    status: 401,
    code: 'credentials_required',
    challenge: 'Bearer realm="countersign"',
  },
  { name: 'a good token', authorization: (i) => bearer(i.issue()), status: 200 },
  {
    name: 'the scheme in other letters',
    authorization: async (i) => `bEARER ${await i.issue()}`,
    status: 200,
  },
  ...['Bearer', 'Bearer  two.spaces.here', 'Bearer a b'].map((value) => ({
    name: `"${value}"`,
    authorization: () => value,
    status: 400,
    code: 'malformed_credentials',
    challenge: INVALID_REQUEST,
  })),
  {
    name: 'not a JWT',
    authorization: () => 'Bearer nonsense',
    status: 401,
    code: 'malformed',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a tampered token',
    authorization: async (i) => {
      const [header, , signature] = (await i.issue()).split('.');
      const [, payload] = (await i.issue({ sub: 'somebody-else' })).split('.');
      return `Bearer ${[header, payload, signature].join('.')}`;
    },
    status: 401,
    code: 'bad_signature',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'an expired token',
    authorization: (i) => bearer(i.issue({ iat: 1_700_000_000, exp: 1_700_000_300 })),
    status: 401,
    code: 'expired',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token for others',
    authorization: (i) => bearer(i.issue({ aud: ['payments'] })),
    status: 401,
    code: 'wrong_audience',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token of another issuer',
    authorization: (i) => bearer(i.issue({ iss: 'https://evil.example' })),
    status: 401,
    code: 'wrong_issuer',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token of another type',
    authorization: (i) => bearer(i.issue({}, { typ: 'JWT' })),
    status: 401,
    code: 'unexpected_type',
    challenge: INVALID_TOKEN,
  },
  {
    name: 'a token signed by an unknown key',
    authorization: (i) => bearer(i.issue({}, { kid: 'unknown' })),
    status: 401,
    code: 'unknown_key',
    challenge: INVALID_TOKEN,
  },
  { name: 'a public route without credentials', path: '/open', status: 200 },
  {
    name: 'a public route with a bad token',
    path: '/open',
    authorization: () => 'Bearer nonsense',
    status: 200,
  },
  {
    name: 'a public route that asks for the token: our mistake, not an answer',
    path: '/open-but-asks',
    status: 500,
  },
  {
    name: 'the scope of the controller',
    path: '/scoped',
    authorization: (i) => bearer(i.issue({ scope: 'orders:read' })),
    status: 200,
  },
  {
    name: 'without the scope of the controller',
    path: '/scoped',
    authorization: (i) => bearer(i.issue({ scope: 'orders:write' })),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read"',
  },
  {
    name: 'without any scope',
    path: '/scoped',
    authorization: (i) => bearer(i.issue({ scope: undefined })),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read"',
  },
  {
    name: 'all scopes of route and controller',
    path: '/scoped',
    method: 'POST',
    authorization: (i) => bearer(i.issue()),
    status: 201,
  },
  {
    name: 'only some of the scopes of the route',
    path: '/scoped',
    method: 'POST',
    authorization: (i) => bearer(i.issue({ scope: 'orders:read orders:write' })),
    status: 403,
    code: 'insufficient_scope',
    challenge: 'Bearer error="insufficient_scope", scope="orders:read orders:write payments:write"',
  },
];

describe.each(['native', 'passport'] as const)('the %s guard', (guard) => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;
  let app: NestFastifyApplication;
  let origin: string;

  beforeAll(async () => {
    issuer = await startTestIssuer();
    verifier = makeVerifier(issuer);
    await verifier.ready();
    [app, origin] = await startApp(verifier, guard);
  });

  afterAll(async () => {
    await app.close();
    await verifier.close();
    await issuer.stop();
  });

  test.each(CASES)(
    '$name: $status $code',
    async ({ path = '/undecorated', method = 'GET', authorization, status, code, challenge }) => {
      const value = await authorization?.(issuer);
      const response = await fetch(origin + path, {
        method,
        headers: value === undefined ? {} : { authorization: value },
      });
      const body = await response.text();
      expect({ status: response.status, body }).toMatchObject({ status });
      expect(response.headers.get('www-authenticate')).toBe(challenge ?? null);
      if (code === undefined) return;
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(body)).toEqual({
        type: `urn:countersign:error:${code}`,
        title: expect.any(String),
        status,
        code,
      });
      const sent = value?.split(' ').at(-1) ?? '';
      if (sent.length > 20) expect(body).not.toContain(sent);
    },
  );

  test('the token is handed to the parameter', async () => {
    const response = await fetch(`${origin}/undecorated`, {
      headers: { authorization: `Bearer ${await issuer.issue({ sub: 'somebody' })}` },
    });
    await expect(response.json()).resolves.toEqual({ subject: 'somebody' });
  });

  test('passport puts the token on request.user as well', async () => {
    const response = await fetch(`${origin}/user`, {
      headers: { authorization: `Bearer ${await issuer.issue({ sub: 'somebody' })}` },
    });
    const subject = guard === 'passport' ? 'somebody' : null;
    await expect(response.json()).resolves.toEqual({ subject });
  });

  test('two Authorization headers: 400, whichever comes first', async () => {
    const good = `Authorization: Bearer ${await issuer.issue()}`;
    for (const headers of [
      [good, good],
      [good, 'authorization: Bearer x'],
      ['Authorization: Basic YTpi', good],
    ]) {
      const answer = await sendRaw(origin, 'GET /undecorated', headers);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"multiple_credentials"');
      expect(answer.toLowerCase()).toContain('www-authenticate: bearer error="invalid_request"');
    }
  });

  test('a token in the query string or in a body is not read', async () => {
    const token = await issuer.issue();
    const inQuery = await fetch(`${origin}/undecorated?access_token=${token}`);
    expect(inQuery.status).toBe(401);
    const inBody = await fetch(`${origin}/scoped`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ access_token: token }),
    });
    expect(inBody.status).toBe(401);
  });

  test('a revoked token is refused as soon as the revocation is applied', async () => {
    const headers = { authorization: `Bearer ${await issuer.issue({ sid: `of-${guard}` })}` };
    expect((await fetch(`${origin}/undecorated`, { headers })).status).toBe(200);
    const { seq } = issuer.revoke({ kind: 'sid', id: `of-${guard}` });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    const refused = await fetch(`${origin}/undecorated`, { headers });
    expect(refused.status).toBe(401);
    await expect(refused.json()).resolves.toMatchObject({ code: 'revoked' });
  });
});

describe.each(['native', 'passport'] as const)('the %s guard without an issuer', (guard) => {
  test('answers 503 with Retry-After until it can decide, never 401', async () => {
    const issuer = await startTestIssuer();
    const headers = { authorization: `Bearer ${await issuer.issue()}` };
    await issuer.stopServing();
    const verifier = makeVerifier(issuer, { staleness: { softSeconds: 1, hardSeconds: 2 } });
    const [app, origin] = await startApp(verifier, guard);
    const away = await fetch(`${origin}/undecorated`, { headers });
    expect(away.status).toBe(503);
    expect(away.headers.get('retry-after')).toBe('5');
    expect(away.headers.get('www-authenticate')).toBeNull();
    await expect(away.json()).resolves.toMatchObject({ code: 'keys_unreachable', status: 503 });
    expect((await fetch(`${origin}/undecorated`)).status).toBe(401);

    await issuer.resume();
    await verifier.ready();
    expect((await fetch(`${origin}/undecorated`, { headers })).status).toBe(200);

    await issuer.stopServing();
    await until(() => !verifier.state().ready);
    const stale = await fetch(`${origin}/undecorated`, { headers });
    expect(stale.status).toBe(503);
    await expect(stale.json()).resolves.toMatchObject({ code: 'revocation_unreachable' });
    expect((await fetch(`${origin}/stays-open`, { headers })).status).toBe(200);
    await app.close();
    await verifier.close();
    await issuer.stop();
  });
});

test('a module that makes its own verifier closes it with the application', async () => {
  const issuer = await startTestIssuer();
  const app = await NestFactory.create<NestFastifyApplication>(
    CountersignAuthModule.forRootAsync({
      guard: 'native',
      useFactory: () => ({ verifierOptions: optionsFor(issuer) }),
    }),
    new FastifyAdapter(),
    { logger: false },
  );
  await app.init();
  await until(() => issuer.checkIns.length > 0);
  await app.close();
  expect(issuer.checkIns.at(-1)).toMatchObject({ goodbye: true });
  await issuer.stop();
});

function optionsFor(issuer: TestIssuer): TokenVerifierOptions {
  return {
    issuer: issuer.issuer,
    audience: 'orders',
    discoveryUrl: issuer.discoveryUrl,
    credentials: issuer.credentials,
  };
}

function makeVerifier(
  issuer: TestIssuer,
  overrides: Partial<TokenVerifierOptions> = {},
): TokenVerifier {
  return createTokenVerifier({ ...optionsFor(issuer), ...overrides });
}

async function startApp(
  verifier: TokenVerifier,
  guard: 'native' | 'passport',
): Promise<[NestFastifyApplication, string]> {
  @Module({
    imports: [CountersignAuthModule.forRoot({ verifier, guard })],
    controllers: [UndecoratedController, ScopedController],
  })
  class TestModule {}
  const app = await NestFactory.create<NestFastifyApplication>(TestModule, new FastifyAdapter(), {
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return [app, `http://127.0.0.1:${String(port)}`];
}

async function sendRaw(origin: string, start: string, headers: string[]): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    [`${start} HTTP/1.1`, 'Host: a.example', 'Connection: close', ...headers, '', ''].join('\r\n'),
  );
  return text(socket);
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
