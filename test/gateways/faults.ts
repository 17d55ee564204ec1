import type { Echoed } from './echo.js';
import type { Received, Sent } from './send.js';

const JWT = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
/** Spellings of "who this is" and "where it comes from". What gateways say themselves is below. */
const CLAIM =
  /^(x-)?(forwarded|remote|auth|user|roles?|scopes?|jwt|client|real|original|http-method|method)|^x-\w*(user|email)/;
const OUR_WORD: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
]);
const STATUSES: ReadonlySet<number> = new Set([101, 200, 400, 401, 403, 404, 413, 431, 500, 503]);

/** What no gateway may do, whatever the request. */
export function faultsOf(sent: Sent, received: Received, echoed: Echoed | undefined): string[] {
  return [...faultsOfAnswer(sent, received), ...(echoed ? faultsOfUpstream(echoed) : [])];
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
    ...(valueOf('authorization') === undefined ? [] : ['Authorization goes to the client']),
    ...(valueOf('countersign-problem') === undefined ? [] : ['an inner header goes to the client']),
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

function faultsOfUpstream({ headers }: Echoed): string[] {
  const authorizations = headers.filter(([name]) => name === 'authorization');
  const value = authorizations[0]?.[1] ?? '';
  return [
    ...(authorizations.length === 1 && /^Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value)
      ? []
      : [`Authorization to the service: ${JSON.stringify(authorizations)}`]),
    ...headers
      .filter(
        ([name]) =>
          name === 'cookie' || name.includes('_') || (CLAIM.test(name) && !OUR_WORD.has(name)),
      )
      .filter(([name]) => name !== 'authorization')
      .map(([name]) => `${name} goes to the service`),
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
