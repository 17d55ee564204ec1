import type { Echoed } from './echo.js';
import type { Received, Sent } from './send.js';

const JWT = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
/** Of the client's headers these may go on, and what a gateway and its own client say. */
const KNOWN: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'prefer',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'traceparent',
  'tracestate',
  'upgrade',
  'user-agent',
  ...['accept-encoding', 'authorization', 'connection', 'transfer-encoding', 'x-request-id'],
  // Caddy says which headers were to come after a body. None do.
  'trailer',
  ...['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
]);
const OUR_WORD: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
]);
/** What no relying service says to a client. */
const OF_THE_ORIGIN = /^(authorization|proxy-authenticate|clear-site-data)$/;
const STATUSES: ReadonlySet<number> = new Set([101, 200, 400, 401, 403, 404, 413, 431, 500, 503]);

/** What no gateway may do, whatever the request. */
export function faultsOf(sent: Sent, received: Received, echoed: Echoed | undefined): string[] {
  return [
    ...faultsOfAnswer(sent, received),
    ...(echoed ? faultsOfUpstream(echoed) : []),
    ...faultsOfId(received, echoed),
  ];
}

function faultsOfAnswer(
  { headers = [] }: Sent,
  { status, headers: answered, raw, code }: Received,
) {
  const valueOf = (name: string) => answered.find(([given]) => given === name)?.[1];
  const shown = headers.join('\n');
  return [
    ...(raw.match(JWT) ?? [])
      .filter((jwt) => !shown.includes(jwt))
      .map(() => 'a token goes to the client'),
    ...(/evil/.test(raw) ? ['what a service or a stranger says goes to the client'] : []),
    ...(valueOf('countersign-problem') === undefined ? [] : ['an inner header goes to the client']),
    ...(status === 101 || valueOf('cache-control') !== undefined ? [] : ['caches may keep it']),
    ...answered
      .filter(([name]) => OF_THE_ORIGIN.test(name))
      .map(([name]) => `${name} goes to the client`),
    ...(STATUSES.has(status) ? [] : [`status ${String(status)}`]),
    ...(status === 401 && !valueOf('www-authenticate')?.startsWith('Bearer ')
      ? ['a 401 without challenge']
      : []),
    ...(status === 401 && answered.filter(([name]) => name === 'www-authenticate').length > 1
      ? ['two challenges']
      : []),
    ...(status === 503 && !/^\d+$/.test(valueOf('retry-after') ?? '')
      ? ['a 503 without Retry-After']
      : []),
    ...(code !== '' && !valueOf('content-type')?.startsWith('application/problem+json')
      ? ['a problem of another type']
      : []),
  ];
}

function faultsOfUpstream({ headers, trailers }: Echoed): string[] {
  const authorizations = headers.filter(([name]) => name === 'authorization');
  const value = authorizations[0]?.[1] ?? '';
  return [
    ...(authorizations.length === 1 && /^Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value)
      ? []
      : [`Authorization to the service: ${JSON.stringify(authorizations)}`]),
    ...headers.filter(([name]) => !KNOWN.has(name)).map(([name]) => `${name} goes to the service`),
    ...trailers.map((text) => `after the body goes to the service: ${text}`),
    ...headers
      .filter(([, text]) => /^(admin|root)\b/.test(text))
      .map(([name]) => `a claim goes to the service: ${name}`),
    ...headers
      .filter(
        ([name, text]) => name === 'http2-settings' || (name === 'upgrade' && text !== 'websocket'),
      )
      .map(([name]) => `${name} goes to the service`),
    ...headers
      .filter(([name, text]) => OUR_WORD.has(name) && /10\.0\.0\.1|evil|ftp/.test(text))
      .map(([name]) => `${name} is the client's word`),
  ];
}

/** An answer bears the id under which the service knows the request. What is no request has none. */
function faultsOfId({ headers, code, status }: Received, echoed: Echoed | undefined): string[] {
  const idOf = (all: Echoed['headers']) =>
    all.filter(([name]) => name === 'x-request-id').map(([, value]) => value);
  const ids = idOf(headers);
  if (code === 'bad_request' || [101, 431].includes(status)) return [];
  if (ids.length !== 1) return [`ids of the answer: ${JSON.stringify(ids)}`];
  if (echoed && idOf(echoed.headers).join() !== ids[0]) return ['the service knows another id'];
  return [];
}
