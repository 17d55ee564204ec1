import { allowTrustedOrigins, traceHeaders } from '@countersign/service-host';
import httpProxy from '@fastify/http-proxy';
import type { FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { EDGE_ANSWERS, sendAnswer } from '../edge/answers.js';
import { answerHeaders, upstreamHeaders } from '../edge/upstream-headers.js';
import { verifiedTokenOf, verifyAtTheEdge } from '../edge/verify-at-the-edge.js';
import type { EdgeChecks } from '../edge/verify-at-the-edge.js';
import { TokenInAnswer, withoutToken } from '../edge/without-token.js';
import type { Upstream } from './upstream.js';

const CONNECT_TIMEOUT_MS = 3_000;
const RETRY_DELAY_MS = 10;
const SHORT_BYTES = 64 * 1024;
const LEAKS = 'a service has put its token into an answer';

type ReplyOptions = NonNullable<FastifyHttpProxyOptions['replyOptions']>;

/** Routes an upstream's paths to it, after verification unless it is identity. */
export async function proxyUpstream(
  app: FastifyInstance,
  upstream: Upstream,
  parts: EdgeChecks & { readonly timeoutMs: number; readonly trustedOrigins: readonly string[] },
): Promise<void> {
  const { audience, origin, paths } = upstream;
  await app.register(async (scope) => {
    if (audience !== null) {
      // Identity says this of its own routes.
      allowTrustedOrigins(scope, {
        origins: parts.trustedOrigins,
        below: '/',
        methods: 'GET, POST, PUT, PATCH, DELETE',
        requestHeaders: 'authorization, content-type, prefer',
        answerHeaders: 'location, retry-after, www-authenticate, x-request-id',
      });
      scope.addHook('onRequest', verifyAtTheEdge(parts, audience));
    }
    await scope.register(httpProxy, {
      upstream: origin,
      routes: [...paths],
      // Bodies are read here, up to the limit, and sent on with their length: no upstream sees a chunked one.
      proxyPayloads: false,
      disableRequestLogging: true,
      destroyAgent: true,
      undici: {
        headersTimeout: parts.timeoutMs,
        bodyTimeout: parts.timeoutMs,
        // Certificates of upstreams are not checked unless asked for.
        connect: { timeout: CONNECT_TIMEOUT_MS, rejectUnauthorized: true },
      },
      replyOptions: replyOptions(audience),
      handler: (request, reply, destination, options) =>
        reply.from(destination, { ...options, ...bodyOf(request), ...retriesFor(request) }),
    });
  });
}

function replyOptions(audience: string | null): ReplyOptions {
  return {
    rewriteRequestHeaders: (request, headers) =>
      upstreamHeaders(
        headers,
        {
          clientAddress: request.ip,
          protocol: request.protocol,
          host: request.host,
          requestId: request.id,
          method: request.method,
          trace: traceHeaders(),
        },
        audience === null ? 'as they came' : verifiedTokenOf(request),
      ),
    rewriteHeaders: (headers, request) =>
      answerHeaders(
        headers,
        audience === null ? 'from identity' : verifiedTokenOf(request as object),
      ),
    onResponse: (request, reply, answer) => {
      const { headers, stream } = answer as unknown as UpstreamAnswer;
      const verified = audience === null ? undefined : verifiedTokenOf(request);
      const hidden = verified?.isHidden ? verified.token : undefined;
      if (isShort(headers)) void sendWhole(reply, { headers, stream }, hidden, request.log);
      else void reply.send(hidden === undefined ? stream : cleaned(stream, hidden, request.log));
    },
    // What went wrong has been logged by then.
    onError: (reply) => {
      sendAnswer(reply, EDGE_ANSWERS.upstreamUnavailable);
    },
  };
}

/** What `onResponse` is really given. */
interface UpstreamAnswer {
  readonly headers: IncomingHttpHeaders;
  /** undici's. */
  readonly stream: Readable & { bytes(): Promise<Uint8Array> };
}

/**
 * Whether an answer is so short, and says so, that it is read before it is sent on: a stream costs more than all the rest. To one without
 * a type Fastify would add its own.
 */
function isShort(headers: IncomingHttpHeaders): boolean {
  const { 'content-length': length, 'content-type': type } = headers;
  return type !== undefined && length !== undefined && Number(length) <= SHORT_BYTES;
}

/** Sends a short answer on; one that ends before its end, or gives the token away, becomes a problem document. */
async function sendWhole(
  reply: Parameters<NonNullable<ReplyOptions['onResponse']>>[1],
  { headers, stream }: UpstreamAnswer,
  hidden: string | undefined,
  log: Pick<FastifyBaseLogger, 'error' | 'warn'>,
): Promise<void> {
  try {
    const bytes = await stream.bytes();
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (hidden === undefined || !body.includes(hidden, 0, 'latin1')) {
      reply.send(body);
      return;
    }
    log.error(LEAKS);
    reply.send(new TokenInAnswer());
  } catch (error) {
    log.warn({ err: error }, 'an answer ended before its end');
    for (const name of Object.keys(headers)) reply.removeHeader(name);
    sendAnswer(reply, EDGE_ANSWERS.upstreamUnavailable);
  }
}

/** The same body. One that gives the token away ends where it would begin. */
function cleaned(body: Readable, token: string, log: Pick<FastifyBaseLogger, 'error'>): Readable {
  return pipeline(body, withoutToken(token), (error) => {
    if (error instanceof TokenInAnswer) log.error(LEAKS);
  });
}

/** A body is bytes to us; without its type spelt out it would be encoded as JSON once more. */
function bodyOf({ body, headers }: FastifyRequest): Pick<ReplyOptions, 'body' | 'contentType'> {
  if (!Buffer.isBuffer(body)) return {};
  return { body, contentType: headers['content-type'] ?? 'application/octet-stream' };
}

/**
 * Reading is repeated once when a connection kept open turns out to be closed, so that nobody notices a restart behind us.
 * Never after an answer: by default a 503 would be asked for ten times more.
 */
function retriesFor({ method }: FastifyRequest): Pick<ReplyOptions, 'retryDelay'> {
  const repeatable = method === 'GET' || method === 'HEAD';
  return {
    retryDelay: ({ err, attempt }) =>
      repeatable && attempt === 0 && isLostConnection(err) ? RETRY_DELAY_MS : null,
  };
}

function isLostConnection(error: Error | null): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET';
}
