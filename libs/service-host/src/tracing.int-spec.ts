import { once } from 'node:events';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { fastify } from 'fastify';
import type { FastifyInstance } from 'fastify';
import { createLogger } from './logger.js';
import { addManagementRoutes } from './management-listener.js';
import { createMetrics } from './metrics.js';
import { onBehalfOf, traced, tracedAlone, traceHeaders, traceRequests } from './tracing.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const SECRET = 'hunter2';
const sent = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'vendor=1' };

class Refused extends Error {
  readonly code = 'bad_signature';
}

/** An application that works for a while on what it is sent, and says which trace it would go on with. */
function application(): FastifyInstance {
  const app = fastify();
  traceRequests(app);
  const readiness = () => ({ ready: true, missing: [] });
  addManagementRoutes(app, { metrics: createMetrics(), readiness });
  app.post('/things/:id', (request) =>
    traced('work', async () => {
      await new Promise(setImmediate);
      return onBehalfOf(request);
    }),
  );
  app.get('/broken', () =>
    traced('work', () => {
      throw new Refused(`no ${SECRET}`);
    }),
  );
  return app;
}
/** Sends a body that comes later than its headers. */
async function change(app: FastifyInstance, headers: Record<string, string>): Promise<object> {
  const origin = app.server.listening ? originOf(app) : await app.listen();
  const request = requestHttp(`${origin}/things/7?password=${SECRET}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
  });
  request.flushHeaders();
  await delay(20);
  const [answer] = (await once(request.end(JSON.stringify({ password: SECRET })), 'response')) as [
    IncomingMessage,
  ];
  return (await json(answer)) as object;
}
const originOf = ({ server }: FastifyInstance) =>
  `http://localhost:${String((server.address() as AddressInfo).port)}`;

describe('without an SDK', () => {
  it('nothing is done but the work, and a trace goes on as it came', async () => {
    const app = application();
    expect(await change(app, sent)).toEqual({
      'x-request-id': expect.any(String),
      ...sent,
    });
    expect(await change(app, {})).toEqual({ 'x-request-id': expect.any(String) });
    await app.close();
    expect(traceHeaders()).toEqual({});
  });

  it('a span costs next to nothing', () => {
    const work = () => 1;
    const spend = (times: number) => {
      const before = process.cpuUsage();
      for (let done = 0; done < times; done += 1) {
        traced('work', work);
        tracedAlone('work', work);
      }
      const { user, system } = process.cpuUsage(before);
      return (user + system) / times;
    };
    spend(20_000);
    // Microseconds of the processor for both, with a wide bound: measured alone it is about one.
    expect(Math.min(...[1, 2, 3].map(() => spend(50_000)))).toBeLessThan(20);
  });
});

describe('with an SDK', () => {
  const exporter = new InMemorySpanExporter();
  let app: FastifyInstance;
  beforeAll(() => {
    new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
    app = application();
  });
  beforeEach(() => exporter.reset());
  afterAll(() => app.close());
  const spans = () =>
    exporter.getFinishedSpans().map(({ name, parentSpanContext, status, attributes }) => ({
      name,
      parent: parentSpanContext?.spanId,
      failed: status.code === SpanStatusCode.ERROR,
      attributes,
    }));

  it('a request is a span below its caller’s, by its route; what is done for it is below that, also after its body', async () => {
    const answer = await change(app, sent);
    const [work, request] = exporter.getFinishedSpans();
    const id = (span = work) => span?.spanContext().spanId ?? '';
    expect(answer).toEqual({
      'x-request-id': expect.any(String),
      traceparent: `00-${TRACE}-${id(work)}-01`,
      tracestate: 'vendor=1',
    });
    expect(spans()).toEqual([
      { name: 'work', parent: id(request), failed: false, attributes: {} },
      {
        name: 'POST /things/:id',
        parent: CALLER,
        failed: false,
        attributes: {
          'http.request.method': 'POST',
          'http.route': '/things/:id',
          'http.response.status_code': 200,
        },
      },
    ]);
  });

  it('a caller that makes no sense is no parent, and what it says of a trace ends here', async () => {
    const answer = await change(app, { ...sent, traceparent: '00-junk' });
    expect(Object.keys(answer)).toEqual(['x-request-id', 'traceparent']);
    expect(spans()[1]?.parent).toBeUndefined();
  });

  it('of an error its code is told, and nothing that it says', async () => {
    await app.inject('/broken');
    const [work, request] = spans();
    expect(work).toMatchObject({ failed: true, attributes: { 'error.type': 'bad_signature' } });
    expect(request).toMatchObject({ failed: true });
    const all = exporter
      .getFinishedSpans()
      .map((span) => [span.status, span.events, span.attributes]);
    expect(JSON.stringify(all)).not.toContain(SECRET);
    await trace.getTracer('test').startActiveSpan('outer', async (outer) => {
      await expect(traced('later', () => Promise.reject(new TypeError(SECRET)))).rejects.toThrow();
      outer.end();
    });
    expect(spans()[2]).toMatchObject({ name: 'later', attributes: { 'error.type': 'TypeError' } });
  });

  it('probes are not told, nor work that belongs to nothing unless it is worth a trace', async () => {
    await app.inject('/health/ready');
    traced('idle', () => 1);
    expect(spans()).toEqual([]);
    await app.inject('/nowhere');
    expect(spans()).toMatchObject([
      { name: 'GET', attributes: { 'http.response.status_code': 404 } },
    ]);
    trace.getTracer('test').startActiveSpan('outer', () => tracedAlone('relay', () => 1));
    expect(spans()[1]).toMatchObject({ name: 'relay', parent: undefined });
  });

  it('a line of the log names the trace that it belongs to', () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const logger = createLogger({ name: 'test', level: 'info', format: 'json', destination });
    logger.info('outside');
    trace.getTracer('test').startActiveSpan('inside', (span) => {
      logger.info('inside');
      expect(JSON.parse(lines[1]!)).toMatchObject({ trace_id: span.spanContext().traceId });
    });
    expect(lines[0]).not.toContain('trace_id');
  });
});
