import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { startRelyingService } from './start-relying-service.js';
import type { RelyingService, StartedRelyingService } from './start-relying-service.js';

/** A verifier that is as ready as it is told. */
class SwitchedVerifier {
  closed = false;
  #missing = ['keys: not yet'];
  #tell: (ready: boolean) => void = () => undefined;
  readonly #ready = new Promise<boolean>((resolve) => (this.#tell = resolve));

  find(): void {
    this.#missing = [];
    this.#tell(true);
  }
  lose(): void {
    this.#missing = ['keys: older than the hard limit'];
  }
  state() {
    return {
      ready: this.#missing.length === 0,
      missing: this.#missing,
      keys: { ageSeconds: 1 },
      revocation: 'none' as const,
    };
  }
  ready(): Promise<boolean> {
    return this.#ready;
  }
  close(): Promise<void> {
    this.closed = true;
    this.#tell(false);
    return Promise.resolve();
  }
}

let verifier: SwitchedVerifier;
let service: StartedRelyingService | undefined;
/** What has been asked and waits for its answer. */
const asked: ServerResponse[] = [];
beforeEach(() => {
  verifier = new SwitchedVerifier();
  service = undefined;
});
afterEach(async () => {
  if (!verifier.closed) await service?.stop();
});

async function start(
  opens: RelyingService<SwitchedVerifier>['opens'],
): Promise<StartedRelyingService> {
  const server = createServer((_request, response) => void asked.push(response));
  service = await startRelyingService({
    name: 'sample',
    config: {
      LOG_LEVEL: 'fatal',
      LOG_FORMAT: 'json',
      BIND_HOST: '127.0.0.1',
      DRAIN_SECONDS: 0,
      MAX_CONNECTIONS: 100,
      PORT: 0,
      MANAGEMENT_PORT: 0,
      ISSUER_URL: 'http://localhost:1',
    },
    opens,
    verifier: () => verifier,
    app: () =>
      Promise.resolve({
        getHttpServer: () => server,
        listen: (port, host) => once(server.listen(port, host), 'listening'),
        close: () => new Promise((resolve) => server.close(resolve)),
      }),
  });
  return service;
}

async function health({ managementPort }: StartedRelyingService): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${String(managementPort)}/health/ready`);
  return { ...((await answer.json()) as object), http: answer.status };
}

async function untilOpen(started: StartedRelyingService): Promise<string> {
  for (let waited = 0; started.port === undefined && waited < 5_000; waited += 5) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return `http://127.0.0.1:${String(started.port)}`;
}

const READY = { http: 200, status: 'ready', missing: [] };

it('ready once, it stays ready whatever is lost, even when nobody had asked', async () => {
  const started = await start('at once');
  expect(started.port).toBeGreaterThan(0);
  expect(await health(started)).toEqual({
    http: 503,
    status: 'not ready',
    missing: ['keys: not yet'],
  });
  verifier.find();
  await new Promise((resolve) => setImmediate(resolve));
  verifier.lose();
  expect(await health(started)).toEqual(READY);
});

it('opens its port when it verifies, if it was told so, and is not ready before', async () => {
  const started = await start('when it verifies');
  expect(started.port).toBeUndefined();
  expect(await health(started)).toMatchObject({
    http: 503,
    missing: ['keys: not yet', 'the public port is not open'],
  });
  verifier.find();
  await untilOpen(started);
  expect(await health(started)).toEqual(READY);
});

it('stops: un-ready at once, requests finished, then the verifier, and the port never opens', async () => {
  const started = await start('at once');
  verifier.find();
  const slow = fetch(await untilOpen(started));
  while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = started.stop();
  expect(await health(started)).toMatchObject({ http: 503, missing: ['stopping'] });
  expect(verifier.closed).toBe(false);
  asked[0]!.end('served');
  expect(await (await slow).text()).toBe('served');
  await stopped;
  expect(verifier.closed).toBe(true);

  verifier = new SwitchedVerifier();
  const early = await start('when it verifies');
  await early.stop();
  expect(early.port).toBeUndefined();
});
