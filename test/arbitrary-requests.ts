import fc from 'fast-check';
import type { Operation } from '../apps/identity/src/openapi/openapi-document.js';
import type { JsonSchema } from '../apps/identity/src/openapi/json-schema.js';

/** A request as it goes out: headers in the order and as often as they are here. */
export interface ArbitraryRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | undefined;
  /** With which credentials it is to be sent. */
  readonly credentials: readonly string[];
}

/** Values that mean something, by the name of a member or parameter. */
export type Hints = Readonly<Record<string, readonly unknown[]>>;

/** Text that is hard to store, to compare or to put into a header. */
const ODD_TEXTS = ['', ' ', '\u0000', '\ud800', 'é', '\u202e', '%00', "' OR 1=1 --", '__proto__'];
const ODD_VALUES = [null, true, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, [], {}, [[]], 'a'.repeat(3_000)];
const oddValue = fc.oneof(
  fc.constantFrom<unknown>(...ODD_TEXTS, ...ODD_VALUES),
  fc.jsonValue({ maxDepth: 2 }),
);
const text = fc.string({ unit: 'binary', maxLength: 40 });
/** What a header can hold on the wire: no control characters, nothing past Latin-1. */
const headerValue = fc.oneof(
  text.map((given) => given.replace(/[^\t\x20-\x7e\x80-\xff]/g, '').trim()),
  fc.constantFrom('', '*', '\xff\xfe', ',', ';=', '"', 'x'.repeat(2_000), '1e9', '-1', 'null'),
);
const HEADERS = [
  'accept',
  'accept-encoding',
  'content-encoding',
  'content-language',
  'cookie',
  'device-token',
  'forwarded',
  'if-none-match',
  'origin',
  'prefer',
  'range',
  'sec-fetch-site',
  'traceparent',
  'upgrade-insecure-requests',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-http-method-override',
  'x-request-id',
];
const COOKIES = [
  '__Host-countersign-access',
  '__Secure-countersign-refresh',
  '__Host-countersign-session',
  '__Secure-countersign-device',
  'x',
];
const PREFERENCES = ['wait=0', 'wait=9999999999', 'wait', 'respond-async, wait=0', 'wait="0"'];

/** Requests to one operation: mostly as its document wants them, with something about them that is not, or much. */
export function requestsTo(
  method: string,
  template: string,
  operation: Operation,
  hints: Hints,
): fc.Arbitrary<ArbitraryRequest> {
  return fc
    .record({
      path: pathOf(template, operation, hints),
      query: queryOf(operation, hints),
      headers: headersOf(operation),
      body: bodyOf(method, operation, hints),
      credentials: credentialsOf(operation),
    })
    .map(({ path, query, headers, body, credentials }) => ({
      method: method.toUpperCase(),
      path: path + query,
      headers: [...headers, ...(body?.type === undefined ? [] : [contentType(body.type)])],
      // Never past what a listener reads: it would close the connection before everything is sent.
      body: body?.text.slice(0, 15_000),
      credentials,
    }));
}

const contentType = (type: string) => ['content-type', type] as const;

/** Fitting ones mostly; others too, which the operation does not take. */
function credentialsOf({ security, parameters = [] }: Operation) {
  const schemes = security.flatMap((scheme) => Object.keys(scheme));
  const takesClients = parameters.some(({ name }) => name === 'authorization');
  const fitting = [...schemes, ...(takesClients ? ['client', 'service'] : [])];
  const any = fc.constantFrom('access_token', 'access_cookie', 'session_cookie', 'client', 'junk');
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fitting.length > 0 ? fc.constantFrom(...fitting) : any) },
    { weight: 1, arbitrary: fc.tuple(any) },
    { weight: 1, arbitrary: fc.tuple(any, any) },
    { weight: 1, arbitrary: fc.constant([]) },
  );
}

function pathOf(template: string, { parameters = [] }: Operation, hints: Hints) {
  const odd = fc.constantFrom('%', '%zz', '%00', '%ff', 'a%2Fb', '\xe9', 'x'.repeat(300), '~', '*');
  const segments = parameters
    .filter((parameter) => parameter.in === 'path')
    .map(({ name, schema }) =>
      fc.oneof(
        {
          weight: 6,
          arbitrary: fitting(schema, name, hints).map((value) => encode(value) || '-'),
        },
        { weight: 1, arbitrary: odd },
      ),
    );
  return fc
    .tuple(...segments)
    .map((values) =>
      values.reduce((path, value) => path.replace(/\{\w+\}/, () => value), template),
    );
}

function queryOf({ parameters = [] }: Operation, hints: Hints) {
  const known = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) =>
      valueOf(schema, name, hints).map((value) => `${name}=${encode(value)}`),
    );
  const odd = fc.constantFrom(
    'x=1',
    '__proto__=1',
    '%',
    '%zz=%zz',
    '=',
    '&&',
    'cursor[]=1',
    'a=%00',
  );
  const part = known.length > 0 ? fc.oneof({ weight: 5, arbitrary: fc.oneof(...known) }, odd) : odd;
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant('') },
    fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `?${parts.join('&')}`),
  );
}

function headersOf({ parameters = [] }: Pick<Operation, 'parameters'>) {
  const own = parameters
    .filter((parameter) => parameter.in === 'header' && parameter.name !== 'authorization')
    .map(({ name }) => name);
  const cookie = fc
    .array(fc.tuple(fc.constantFrom(...COOKIES), headerValue), { maxLength: 3 })
    .map((pairs) => ['cookie', pairs.map((pair) => pair.join('=')).join('; ')] as const);
  const one = fc.oneof(
    fc.tuple(fc.constantFrom(...HEADERS, ...own), headerValue),
    fc.tuple(fc.constant('prefer'), fc.constantFrom(...PREFERENCES)),
    cookie,
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(one, { maxLength: 4 }) },
  );
}

function bodyOf(method: string, { requestBody }: Operation, hints: Hints) {
  const odd = fc
    .tuple(
      fc.constantFrom('', '{"a":', 'null', '[]', '"x"', '\u0000', '{"__proto__":{}}', 'a=b', '%'),
      fc.constantFrom('application/json', 'text/plain', 'application/x-www-form-urlencoded', 'x'),
    )
    .map(([given, type]) => ({ text: given, type }));
  const none = fc.constant(undefined);
  const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(requestBody?.content ?? {});
  if (type === '') return method === 'get' ? none : fc.oneof({ weight: 4, arbitrary: none }, odd);
  const isForm = type !== 'application/json';
  const good = fitting(schema, '', hints);
  const any = fc.oneof({ weight: 5, arbitrary: good }, oddValue);
  const written = isForm
    ? good.map((members) => new URLSearchParams(textsOf(members)).toString())
    : any.map((value) => JSON.stringify(value));
  return fc.oneof(
    { weight: 8, arbitrary: written.map((given) => ({ text: given, type })) },
    { weight: 1, arbitrary: written.map((given) => ({ text: `${given}&token=x`, type })) },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: none },
  );
}

const textsOf = (members: unknown): [string, string][] =>
  Object.entries(members ?? {}).map(([name, value]) => [name, textual(value)]);

/** As somebody would write it where there is only text. */
const textual = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

function encode(value: unknown): string {
  return encodeURIComponent(textual(value).replace(/\p{Cs}/gu, '-'));
}

/** What a schema takes, or sometimes something else. */
function valueOf(schema: JsonSchema, name: string, hints: Hints): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 14, arbitrary: fitting(schema, name, hints) }, oddValue);
}

/** What a schema takes, with odd members. */
function fitting(schema: JsonSchema, name: string, hints: Hints): fc.Arbitrary<unknown> {
  const {
    enum: some,
    anyOf,
    type,
  } = schema as { enum?: unknown[]; anyOf?: JsonSchema[]; type?: string };
  if ('const' in schema) return fc.constant(schema['const']);
  if (some) return fc.constantFrom(...some);
  if (anyOf) return fc.oneof(...anyOf.map((one) => fitting(one, name, hints)));
  switch (type) {
    case 'object':
      return objectOf(schema, hints);
    case 'array':
      return arrayOf(schema, name, hints);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
    case undefined:
    default:
      return textOf(schema, hints[name] ?? []);
  }
}

function objectOf({ properties = {}, required = [] }: JsonSchema, hints: Hints) {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valueOf(schema, name, hints)]),
  );
  const known = fc.record(members, { requiredKeys: [...required] });
  const odd = fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'x', ''), oddValue, {
    minKeys: 1,
    maxKeys: 2,
  });
  return fc.oneof(
    { weight: 8, arbitrary: known },
    fc.tuple(known, odd).map(([good, more]) => ({ ...good, ...more })),
  );
}

function arrayOf(schema: JsonSchema, name: string, hints: Hints): fc.Arbitrary<unknown> {
  const { prefixItems, items } = schema as { prefixItems?: JsonSchema[]; items?: JsonSchema };
  if (prefixItems) return fc.tuple(...prefixItems.map((item) => valueOf(item, name, hints)));
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(valueOf(items ?? {}, name, hints), { maxLength: 4 }) },
    fitting(items ?? {}, name, hints).map((one) => Array<unknown>(200).fill(one)),
  );
}

function numberOf({ type, minimum = 0, maximum = 2 ** 53 - 1 }: JsonSchema): fc.Arbitrary<unknown> {
  const [min, max] = [Number(minimum), Number(maximum)];
  const inside =
    type === 'integer' ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
  return fc.oneof(inside, fc.constantFrom(min, max, min - 1, max + 1));
}

function textOf({ pattern, maxLength }: JsonSchema, hinted: readonly unknown[]) {
  const matching = typeof pattern === 'string' ? fc.stringMatching(new RegExp(pattern)) : text;
  const long = fc.constantFrom(
    'a'.repeat(Number(maxLength ?? 100)),
    '\u{1f512}'.repeat(Math.ceil(Number(maxLength ?? 100) / 2)),
  );
  const any = fc.oneof({ weight: 4, arbitrary: matching }, long);
  return hinted.length > 0
    ? fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...hinted) }, any)
    : fc.oneof({ weight: 8, arbitrary: any }, fc.constantFrom(...ODD_TEXTS));
}

/** What gateways ask about the requests of their clients, as each of them does, and as none does. */
export function gatewayQuestions(methods: readonly string[]): fc.Arbitrary<ArbitraryRequest> {
  const target = fc.constantFrom(
    '/orders',
    '/orders?x=%zz',
    '/',
    '',
    '//x',
    '/../x',
    '/%2e',
    '/%2F',
    '/\xe9',
  );
  const host = fc.constantFrom('api.example.test', 'localhost:8080', '[::1]', 'a b', '', '@');
  const method = fc.oneof(fc.constantFrom('GET', 'POST', 'QUERY', '', 'G T', '\xff'), headerValue);
  const scheme = fc.constantFrom('http', 'https', 'ftp', '');
  const audience = fc.constantFrom('orders', 'payments', 'nobody', '', '%', 'a&audience=b', '%00');
  const described = fc.record({ target, host, method, scheme, audience });
  const forwarded = described.map((of) => ({
    path: `/forward-auth?audience=${of.audience}`,
    headers: [
      ['x-forwarded-method', of.method],
      ['x-forwarded-proto', of.scheme],
      ['x-forwarded-host', of.host],
      ['x-forwarded-uri', of.target],
    ] as const,
  }));
  const original = described.map((of) => ({
    path: `/auth-request?audience=${of.audience}`,
    headers: [
      ['x-original-method', of.method],
      ['x-original-url', `${of.scheme}://${of.host}${of.target}`],
    ] as const,
  }));
  const whole = fc.record({
    path: fc.tuple(audience, target).map((parts) => `/ext-authz/${parts.join('')}`),
    headers: fc.constant([]),
  });
  const asked = fc.oneof(
    fc.tuple(fc.constant('GET'), fc.oneof(forwarded, original)),
    fc.tuple(fc.constantFrom(...methods), whole),
  );
  const kinds = fc.constantFrom(
    'access_token',
    'access_cookie',
    'session_cookie',
    'service',
    'junk',
  );
  return fc
    .tuple(asked, headersOf({}), fc.array(kinds, { maxLength: 2 }), fc.subarray([0, 1, 2, 3]))
    .map(([[method, { path, headers }], more, credentials, left]) => ({
      method,
      path,
      // Mostly all of them.
      headers: [
        ...headers.filter((_, index) => left.length !== 2 || left.includes(index)),
        ...more,
      ],
      body: undefined,
      credentials,
    }));
}
