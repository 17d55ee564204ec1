import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';

const tracer = trace.getTracer('countersign');

/** Whether an SDK has been registered: without one no context is kept. */
function somebodyListens(): boolean {
  const probe = ROOT_CONTEXT.setValue(Symbol('probe'), true);
  return context.with(probe, () => context.active() === probe);
}

/**
 * Runs `work`, and shows it as a span of the trace that it is a part of. What is part of none is only run: background jobs
 * would fill a store with traces of one span.
 *
 * @returns what `work` returns; a promise is measured until it settles
 */
export function traced<T>(name: string, work: () => T, attributes: Attributes = {}): T {
  return trace.getActiveSpan() === undefined ? work() : inSpan(name, work, attributes);
}

/** The same for work in the background that is worth a trace of its own. */
export function tracedAlone<T>(name: string, work: () => T, attributes: Attributes = {}): T {
  return somebodyListens()
    ? context.with(ROOT_CONTEXT, inSpan<T>, undefined, name, work, attributes)
    : work();
}

function inSpan<T>(name: string, work: () => T, attributes: Attributes): T {
  return tracer.startActiveSpan(name, { attributes }, (span) => {
    try {
      const result = work();
      if (result instanceof Promise) {
        void result.then(
          () => span.end(),
          (error: unknown) => fail(span, error),
        );
      } else span.end();
      return result;
    } catch (error) {
      fail(span, error);
      throw error;
    }
  });
}

/** Of an error only its code or name is told: a message may repeat what somebody sent. */
function fail(span: Span, error: unknown): void {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  const type = [code, name].find((text) => typeof text === 'string') ?? 'error';
  span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', type).end();
}

/**
 * Shows every request as a span, by route pattern and never by its raw URL, below the one that its caller names (W3C Trace
 * Context), and everything done for it below that. Routes that are not logged are not shown either. An SDK must have been
 * registered by now: without one nothing is done.
 */
export function traceRequests(app: FastifyInstance): void {
  if (!somebodyListens()) return;
  const contexts = new WeakMap<FastifyRequest, Context>();
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, routeOptions } = request;
    if (routeOptions.logLevel === 'warn') {
      done();
      return;
    }
    const caller = propagation.extract(ROOT_CONTEXT, headers);
    const { url: route } = routeOptions;
    const attributes = { 'http.request.method': method, 'http.route': route };
    const name = route === undefined ? method : `${method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, caller);
    const own = trace.setSpan(caller, span);
    contexts.set(request, own);
    context.with(own, done);
  });
  app.addHook('onResponse', (request, { statusCode }, done) => {
    const own = contexts.get(request) ?? ROOT_CONTEXT;
    const span = trace.getSpan(own);
    span?.setAttribute('http.response.status_code', statusCode);
    if (statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    context.with(own, done);
  });
}

/** Headers that tell another process which trace a request to it is part of; none without an SDK. */
export function traceHeaders(): Record<string, string> {
  const headers = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** What is taken along of a request that came in. */
export interface IncomingRequest {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Headers for a request to another service on behalf of one that came in, so that both are found together: its id, and its
 * trace, as it came where no SDK is.
 */
export function onBehalfOf(request: IncomingRequest): Record<string, string> {
  const ours = traceHeaders();
  const { traceparent, tracestate } = request.headers as Record<string, string | undefined>;
  const theirs = Object.entries({ traceparent, tracestate }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return {
    'x-request-id': request.id,
    ...('traceparent' in ours ? ours : Object.fromEntries(theirs)),
  };
}

/** What a line of the log says of the trace that it belongs to. */
export function traceOfLine(): { readonly trace_id?: string } {
  const span = trace.getActiveSpan();
  return span === undefined ? {} : { trace_id: span.spanContext().traceId };
}
