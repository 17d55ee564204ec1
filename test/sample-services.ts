import { REJECTION_CODES } from '@countersign/token-verifier';
import type { OpenApiDocument, Operation } from '../apps/identity/src/openapi/openapi-document.js';
import type { JsonSchema } from '../apps/identity/src/openapi/json-schema.js';

const text = { type: 'string' };
const amount = { type: 'integer', minimum: 1, maximum: 10_000_000 };

const object = (properties: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const answer = (schema: JsonSchema, type = 'application/json') => ({
  description: '',
  content: { [type]: { schema } },
});
const PROBLEM = {
  type: 'object',
  properties: { type: text, title: text, status: { type: 'integer' }, code: text },
  required: ['type', 'title', 'status', 'code'],
};
const problem = (...codes: readonly string[]) =>
  answer(
    { ...PROBLEM, properties: { ...PROBLEM.properties, code: { enum: codes } } },
    'application/problem+json',
  );

/** What any route that needs a token may refuse. */
const REFUSALS = {
  400: problem('malformed_credentials', 'multiple_credentials', 'invalid_input', 'invalid_json'),
  401: problem('credentials_required', ...REJECTION_CODES),
};

function operation(name: string, of: Partial<Operation>): Operation {
  const { responses, ...more } = of;
  return {
    operationId: name,
    tags: [],
    summary: '',
    security: [{ access_token: [] }],
    ...more,
    responses: { ...REFUSALS, ...responses },
  };
}
const paged = ['limit', 'cursor'].map((name) => ({
  name,
  in: 'query' as const,
  required: false,
  schema: { type: 'string', pattern: '^\\d{1,3}$' },
}));
const byId = [{ name: 'id', in: 'path' as const, required: true, schema: text }];
const taking = (schema: JsonSchema) => ({
  requestBody: { required: true, content: { 'application/json': { schema } } },
});
const page = (item: JsonSchema) =>
  answer(
    object({ items: { type: 'array', items: item }, next_cursor: { type: ['string', 'null'] } }),
  );
const BODY = { 413: problem('body_too_large'), 415: problem('unsupported_media_type') };

const order = object({
  id: text,
  item: text,
  amount_cents: amount,
  status: { enum: ['placed', 'paid'] },
  created_at: { type: 'integer' },
});
const payment = object({
  id: text,
  order_id: text,
  amount_cents: amount,
  created_at: { type: 'integer' },
});
const document = (paths: OpenApiDocument['paths']): OpenApiDocument => ({
  openapi: '3.1.1',
  info: { title: '', version: '', description: '`bad_request` `not_found`' },
  paths,
  components: { securitySchemes: {}, schemas: { Problem: PROBLEM, OAuthError: {} } },
});

/** What the READMEs of the samples say that they take and answer, in the words of OpenAPI. */
export const SAMPLES = {
  orders: document({
    '/orders': {
      get: operation('list', { parameters: paged, responses: { 200: page(order) } }),
      post: operation('place', {
        ...taking(object({ item: { ...text, maxLength: 200 }, amount_cents: amount })),
        responses: { 201: answer(order), ...BODY },
      }),
    },
    '/orders/{id}': {
      get: operation('read', {
        parameters: byId,
        responses: { 200: answer(order), 404: problem('order_not_found', 'not_found') },
      }),
    },
    '/orders/{id}/pay': {
      post: operation('pay', {
        parameters: byId,
        responses: {
          200: answer(order),
          404: problem('order_not_found', 'not_found'),
          409: problem('already_paid', 'payment_conflict'),
          ...BODY,
        },
      }),
    },
  }),
  payments: document({
    '/payments': {
      get: operation('list', { parameters: paged, responses: { 200: page(payment) } }),
      post: operation('pay', {
        ...taking(object({ order_id: { ...text, format: 'uuid' }, amount_cents: amount })),
        responses: { 201: answer(payment), 409: problem('already_paid'), ...BODY },
      }),
    },
  }),
} as const;

/** Makes a process of ours say on standard error what it routes; see `NODE_OPTIONS`. */
export const TELL_ROUTES = `
  import { subscribe } from 'node:diagnostics_channel';
  subscribe('fastify.initialization', ({ fastify }) => {
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) process.stderr.write('route ' + one + ' ' + url + '\\n');
    });
  });`;
