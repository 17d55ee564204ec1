import 'reflect-metadata';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Module, Sse } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { interval, map, NEVER, Observable } from 'rxjs';
import { startTestIssuer } from '@countersign/test-kit';
import type { TestIssuer } from '@countersign/test-kit';
import type { TokenVerifier } from '@countersign/token-verifier';
import { ask, listen, makeApp, makeVerifier, PLATFORMS, until } from '../test/start-app.js';
import { CountersignAuthModule, Public } from './index.js';

let subscribed = 0;

/** Counts who listens, so that a stream that nobody reads any more is seen to be given up. */
function counted<T>(events: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    subscribed += 1;
    subscriber.add(() => (subscribed -= 1));
    subscriber.add(events.subscribe(subscriber));
  });
}

@Controller('events')
class EventsController {
  @Sse('busy')
  busy() {
    return counted(interval(1).pipe(map((data) => ({ data: { data } }))));
  }

  @Sse('quiet')
  quiet() {
    return counted(NEVER);
  }

  /** More than a client that does not read can be sent. Nest would give up by itself past 4 MiB. */
  @Sse('much', { maxPendingDataLength: 0 })
  much() {
    return counted(interval(1).pipe(map(() => ({ data: 'x'.repeat(64 * 1024) }))));
  }

  @Public()
  @Sse('public')
  everybody() {
    return counted(NEVER);
  }
}

describe.each(PLATFORMS)('an event stream on %s', (platform) => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;
  let app: INestApplication;
  let origin: string;

  beforeAll(async () => {
    issuer = await startTestIssuer();
    verifier = makeVerifier(issuer, { clockToleranceSeconds: 0 });
    await verifier.ready();
    @Module({
      imports: [CountersignAuthModule.forRoot({ verifier })],
      controllers: [EventsController],
    })
    class TestModule {}
    app = await makeApp(TestModule, platform);
    origin = await listen(app);
  });

  afterAll(async () => {
    await app.close();
    await verifier.close();
    await issuer.stop();
  });

  test.each(['busy', 'quiet'])('(%s) ends when its token is revoked; others stay', async (path) => {
    const own = await issuer.issue({ sid: `${platform}-${path}` });
    const stream = await open(path, own);
    const other = await open(path, await issuer.issue());
    const open_ = await open('public');
    const ended = endOf(stream);
    const began = performance.now();
    issuer.revoke({ kind: 'sid', id: `${platform}-${path}` });
    await expect(ended).resolves.toBe('whole');
    expect(performance.now() - began).toBeLessThan(20_000);
    expect([other.destroyed, open_.destroyed]).toEqual([false, false]);
    await until(() => subscribed === 2);
    const refused = await ask(`${origin}/events/${path}`, ['Authorization', `Bearer ${own}`]);
    expect(refused).toMatchObject({ status: 401 });
    other.destroy();
    open_.destroy();
    await until(() => subscribed === 0);
  });

  test('ends when its token expires', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stream = await open('busy', await issuer.issue({ iat: now - 10, exp: now + 8 }));
    await expect(endOf(stream)).resolves.toBe('whole');
    await until(() => subscribed === 0);
  });

  test('is closed under a client that does not read', async () => {
    const token = await issuer.issue({ sid: `${platform}-deaf` });
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `GET /events/much HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await once(socket, 'readable');
    socket.on('error', () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(subscribed).toBe(1);
    issuer.revoke({ kind: 'sid', id: `${platform}-deaf` });
    await until(() => subscribed === 0);
    socket.destroy();
  });

  test('forgets the token of a client that leaves', async () => {
    const stream = await open('quiet', await issuer.issue());
    stream.destroy();
    await until(() => subscribed === 0);
  });

  async function open(path: string, token?: string): Promise<IncomingMessage> {
    const asking = request(`${origin}/events/${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    asking.end();
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.on('error', () => undefined);
    return response;
  }
});

/** `whole`: with the end of its body, as a server means it; `cut`: the connection was lost before. */
async function endOf(stream: IncomingMessage): Promise<'whole' | 'cut'> {
  const { socket }: { socket: Socket } = stream;
  const closed = once(socket, 'close');
  stream.resume();
  await closed;
  return stream.complete ? 'whole' : 'cut';
}
