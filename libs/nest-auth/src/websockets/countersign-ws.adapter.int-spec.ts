import 'reflect-metadata';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import { ACCESS_COOKIE } from '@countersign/token-verifier';
import type { AccessToken, TokenVerifier } from '@countersign/token-verifier';
import { PUBLIC_ORIGIN } from '../../test/cases.js';
import { listen, makeApp, makeVerifier, PLATFORMS, until } from '../../test/start-app.js';
import { CountersignAuthModule, CurrentToken, currentToken, RequireScope } from '../index.js';
import { CountersignWsAdapter } from './index.js';

let handled = 0;

@WebSocketGateway({ path: '/live' })
class LiveGateway implements OnGatewayConnection {
  readonly connected: string[] = [];

  handleConnection(client: object) {
    this.connected.push(currentToken(client).subject);
  }

  @SubscribeMessage('who')
  who(@CurrentToken() token: AccessToken, @ConnectedSocket() client: object) {
    return { event: 'who', data: [token.subject, currentToken(client).subject] };
  }

  @SubscribeMessage('count')
  count() {
    handled += 1;
    return { event: 'count', data: handled };
  }

  @RequireScope('orders:cancel')
  @SubscribeMessage('cancel')
  cancel() {
    handled += 1;
    return { event: 'cancel', data: 'done' };
  }
}

describe.each(PLATFORMS)('a WebSocket on %s', (platform) => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;
  let app: INestApplication;
  let address: string;

  beforeAll(async () => {
    issuer = await startTestIssuer();
    verifier = makeVerifier(issuer, { clockToleranceSeconds: 0 });
    await verifier.ready();
    const cookies = { origins: [PUBLIC_ORIGIN] };
    @Module({
      imports: [CountersignAuthModule.forRoot({ verifier, cookies })],
      providers: [LiveGateway],
    })
    class TestModule {}
    app = await makeApp(TestModule, platform);
    app.useWebSocketAdapter(new CountersignWsAdapter(app));
    address = `${(await listen(app)).replace('http', 'ws')}/live`;
  });

  afterAll(async () => {
    await app.close();
    await verifier.close();
    await issuer.stop();
  });

  test('opens with a good token, and every message knows it', async () => {
    const socket = await open({ authorization: await bearer({ sub: 'somebody' }) });
    await expect(say(socket, 'who')).resolves.toEqual({
      event: 'who',
      data: ['somebody', 'somebody'],
    });
    expect(app.get(LiveGateway).connected).toContain('somebody');
    socket.terminate();
  });

  test('opens with a cookie from the public origin', async () => {
    const cookie = `${ACCESS_COOKIE}=${await issuer.issue()}`;
    const socket = await open({ cookie, origin: PUBLIC_ORIGIN });
    socket.terminate();
  });

  test.each([
    ['no credentials', async () => ({}), 401, 'credentials_required', 'Bearer realm="countersign"'],
    [
      'a bad token',
      async () => ({ authorization: 'Bearer nonsense' }),
      401,
      'malformed',
      'Bearer error="invalid_token"',
    ],
    [
      'a malformed header',
      async () => ({ authorization: 'Bearer' }),
      400,
      'malformed_credentials',
      'Bearer error="invalid_request"',
    ],
    [
      'a cookie without an origin',
      async () => ({ cookie: `${ACCESS_COOKIE}=${await issuer.issue()}` }),
      403,
      'origin_required',
      undefined,
    ],
    [
      'a cookie from another site',
      async () => ({
        cookie: `${ACCESS_COOKIE}=${await issuer.issue()}`,
        origin: 'https://evil.example',
      }),
      403,
      'origin_required',
      undefined,
    ],
  ])('does not open with %s', async (_, headers, status, code, challenge) => {
    const answer = await refused(await headers());
    expect(answer).toMatchObject({
      status,
      problem: { type: `urn:countersign:error:${code}`, status, code },
    });
    expect(answer.type).toBe('application/problem+json');
    expect(answer.challenge).toBe(challenge);
  });

  test('is not let in with a token in the query string', async () => {
    const token = await issuer.issue();
    const answer = await refused({}, `${address}?access_token=${token}`);
    expect(answer.status).toBe(401);
  });

  test('checks the scopes of a message', async () => {
    const may = await open({ authorization: await bearer({ scope: 'orders:cancel' }) });
    await expect(say(may, 'cancel')).resolves.toEqual({ event: 'cancel', data: 'done' });
    // Nest 12 says so to the client, Nest 11 says nothing.
    const mayNot = await open({ authorization: await bearer({}) });
    const before = handled;
    mayNot.send(JSON.stringify({ event: 'cancel' }));
    mayNot.send(JSON.stringify({ event: 'count' }));
    await until(() => handled > before);
    expect(handled).toBe(before + 1);
    may.terminate();
    mayNot.terminate();
  });

  test('is closed when its token is revoked; others stay', async () => {
    const socket = await open({ authorization: await bearer({ sid: `${platform}-ended` }) });
    const other = await open({ authorization: await bearer({}) });
    const closed = once(socket, 'close');
    const began = performance.now();
    issuer.revoke({ kind: 'sid', id: `${platform}-ended` });
    expect((await closed).map(String)).toEqual(['4401', 'revoked']);
    expect(performance.now() - began).toBeLessThan(20_000);
    await expect(say(other, 'who')).resolves.toMatchObject({ event: 'who' });
    other.terminate();
  });

  test('is closed when its token expires', async () => {
    const now = Math.floor(Date.now() / 1000);
    const authorization = await bearer({ iat: now - 10, exp: now + 8 });
    const socket = await open({ authorization });
    expect((await once(socket, 'close')).map(String)).toEqual(['4401', 'expired']);
  });

  test('handles no message that comes after the end of the token, and drops who does not answer', async () => {
    const socket = await open({ authorization: await bearer({ sid: `${platform}-rude` }) });
    await say(socket, 'count');
    const before = handled;
    // A client that reads nothing does not see the close frame, and goes on talking.
    socket.pause();
    const closed = once(socket, 'close');
    const { seq } = issuer.revoke({ kind: 'sid', id: `${platform}-rude` });
    await until(() => issuer.checkIns.some(({ applied }) => applied?.seq === seq));
    socket.send(JSON.stringify({ event: 'count' }));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(handled).toBe(before);
    socket.resume();
    await closed;
  });

  async function bearer(claims: Record<string, unknown>): Promise<string> {
    return `Bearer ${await issuer.issue(claims)}`;
  }

  async function open(headers: Record<string, string>): Promise<WebSocket> {
    const socket = new WebSocket(address, { headers });
    await once(socket, 'open');
    return socket;
  }

  async function refused(headers: Record<string, string>, to = address) {
    const socket = new WebSocket(to, { headers });
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    return {
      status: response.statusCode,
      type: response.headers['content-type'],
      challenge: response.headers['www-authenticate'],
      problem: JSON.parse(await text(response)) as unknown,
    };
  }

  async function say(socket: WebSocket, event: string): Promise<unknown> {
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ event }));
    return JSON.parse(String((await answered)[0])) as unknown;
  }
});

describe('a WebSocket without an issuer', () => {
  test('does not open (503), and one that is open is closed to be tried again', async () => {
    const issuer = await startTestIssuer();
    const verifier = makeVerifier(issuer, { staleness: { softSeconds: 2, hardSeconds: 4 } });
    await verifier.ready();
    @Module({ imports: [CountersignAuthModule.forRoot({ verifier })], providers: [LiveGateway] })
    class TestModule {}
    const app = await makeApp(TestModule, 'fastify');
    app.useWebSocketAdapter(new CountersignWsAdapter(app));
    const address = `${(await listen(app)).replace('http', 'ws')}/live`;
    const headers = { authorization: `Bearer ${await issuer.issue()}` };
    const socket = new WebSocket(address, { headers });
    await once(socket, 'open');
    await issuer.stopServing();
    expect((await once(socket, 'close')).map(String)).toEqual(['1013', 'revocation_unreachable']);
    const late = new WebSocket(address, { headers });
    const [, response] = (await once(late, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    response.resume();
    await app.close();
    await verifier.close();
    await issuer.stop();
  });

  test('a gateway with a server of its own is refused at the start: nobody would guard it', () => {
    const adapter = Object.create(CountersignWsAdapter.prototype) as CountersignWsAdapter;
    expect(() => adapter.create(0, { server: {} })).toThrow(TypeError);
    expect(() => adapter.create(0, { verifyClient: () => true })).toThrow(TypeError);
  });
});
