import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DynamicModule, Type } from '@nestjs/common';
import { LogController } from 'fastify';
import type {
  FastifyBaseLogger,
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifyHttpOptions,
} from 'fastify';
import { ANSWER_HEADERS, protectAnswers } from './answer-headers.js';
import { inputValidationPipe } from './input-validation.js';
import { NestLogger } from './logger.js';
import type { Logger } from './logger.js';
import { measureRequests } from './metrics.js';
import type { Registry } from './metrics.js';
import { problemForStatus } from './problem.js';
import { ProblemFilter, toProblemAnswer } from './problem-filter.js';
import type { ProblemMapping } from './problem-filter.js';
import { refuseOtherForms } from './request-form.js';
import { requestLog } from './request-log.js';
import type { TlsMaterial } from './tls-files.js';
import { traceRequests } from './tracing.js';

/** Largest request body, bytes. */
const BODY_LIMIT = 64 * 1024;

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly metrics: Registry;
  /** CIDRs or addresses whose `X-Forwarded-*` count. Default: nobody's. */
  readonly trustedProxies?: readonly string[];
  /** Serves https with it; plain http without. */
  readonly tls?: TlsMaterial | undefined;
  /** How a feature's own errors become problem documents. */
  readonly problems?: readonly ProblemMapping[];
}

/** When a request's headers must have arrived, and when all of it, after the connection was opened or its first byte. */
const SLOW_CLIENTS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
} as const;
const HANDSHAKE_TIMEOUT = 10_000;
/** How long a client has to read why its connection is closed. */
const LINGER = 1_000;

/** Fastify settings that every listener of ours shares: limits, time-outs, request ids, who is believed. */
export function fastifySettings(logger: Logger, trustedProxies: readonly string[] = []) {
  return {
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: requestLog,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: BODY_LIMIT,
    // Node looks at the first two of these when it makes the server, and Fastify sets the second once more.
    http: { ...SLOW_CLIENTS },
    requestTimeout: SLOW_CLIENTS.requestTimeout,
    connectionTimeout: 60_000,
    keepAliveTimeout: 65_000,
    genReqId: requestId,
    // Requests on connections that are still open while closing are served like any other.
    return503OnClosing: false,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerMalformedHttp,
    routerOptions: { maxParamLength: 200 },
  } satisfies FastifyHttpOptions<Server>;
}

/** Makes a Nest application on Fastify with our limits, validation, logs, metrics and problem documents. */
export async function createHttpApp(
  module: Type | DynamicModule,
  { logger, metrics, trustedProxies, tls, problems = [] }: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const settings = fastifySettings(logger, trustedProxies);
  const adapter = new FastifyAdapter(
    tls
      ? { ...settings, https: { ...tls, ...SLOW_CLIENTS, handshakeTimeout: HANDSHAKE_TIMEOUT } }
      : settings,
  );
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
    forceCloseConnections: false,
  });
  const instance = adapter.getInstance<FastifyInstance>();
  // Fastify reads text/plain by default; our APIs take JSON, and whoever takes something else says so.
  instance.removeContentTypeParser('text/plain');
  traceRequests(instance);
  refuseOtherForms(instance);
  measureRequests(instance, metrics);
  logRequests(instance);
  protectAnswers(instance);
  app.useGlobalFilters(new ProblemFilter(problems));
  app.useGlobalPipes(inputValidationPipe());
  return app;
}

/** Who passes on what others answer looks into no more than this, bytes. */
const LARGEST_PROBLEM = 8 * 1024;

/** Codes of answers that are on their way. */
const codes = new WeakMap<FastifyRequest, string>();

/** The code of a problem document, or of an OAuth error: our own, or one that a gateway passes on, of which only a word is believed. */
function codeIn(payload: unknown): string | undefined {
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return undefined;
  if (payload.length > LARGEST_PROBLEM) return undefined;
  try {
    const { code, error } = JSON.parse(String(payload)) as Readonly<Record<string, unknown>>;
    return [code, error].find(isCode);
  } catch {
    return undefined;
  }
}

function isCode(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(value);
}

/** One line per answer: what was asked by route pattern, never by raw URL, the code of a refusal, and the id to find it by. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    reply.header('x-request-id', request.id);
    const code = reply.statusCode < 400 ? undefined : codeIn(payload);
    if (code !== undefined) codes.set(request, code);
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const { id: reqId, method, server } = request;
    const { statusCode: status } = reply;
    const code = codes.get(request);
    server.log.info({ reqId, method, route, status, ...(code && { code }), ms }, 'answered');
    done();
  });
}

/** Answers what fails before there is a route, such as a path that cannot be decoded. Fastify's own text repeats the path. */
function answerFrameworkError(
  error: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { problem } = toProblemAnswer(error);
  void reply
    .status(problem.status)
    .headers(ANSWER_HEADERS)
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}

/** Answers bytes that are not HTTP, or headers that are too large, before there is a request. */
function answerMalformedHttp(error: Error & { readonly code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 431
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 408
        : 400;
  const problem = JSON.stringify(problemForStatus(status));
  const headers = Object.entries(ANSWER_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\n${headers.join('')}` +
      `content-type: application/problem+json\r\ncontent-length: ${String(Buffer.byteLength(problem))}\r\n\r\n${problem}`,
  );
  // A client that goes on sending, or never began its handshake, would hold the connection open for as long as it likes.
  setTimeout(() => socket.destroy(), LINGER).unref();
}

/** Takes over the caller's request id when it looks like one, so that a request can be followed through services. */
function requestId(request: { headers: IncomingMessage['headers'] }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID();
}
