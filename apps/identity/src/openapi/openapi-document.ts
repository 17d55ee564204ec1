import type { ApiRoute } from './api-route.js';
import type { AnswerBody, ProblemCode } from './described.js';
import { jsonSchemaOf, OAUTH_ERROR_SCHEMA, PROBLEM_SCHEMA } from './json-schema.js';
import type { JsonSchema } from './json-schema.js';

/** How a problem is answered, by its code. */
export type ProblemTable = Readonly<
  Record<ProblemCode, { readonly status: number; readonly title: string }>
>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: JsonSchema;
}
export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}
export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** Schemes of which one does, with the roles that are needed; empty for a route that is open. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
  };
  readonly responses: Readonly<Record<string, Answer>>;
}

/** What is said of an API as a whole. */
export interface ApiOutline {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly securitySchemes: Readonly<Record<string, object>>;
  readonly problems: ProblemTable;
}

/** The part of OpenAPI 3.1 that we write. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: ApiOutline['info'];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly securitySchemes: ApiOutline['securitySchemes'];
    readonly schemas: { readonly Problem: JsonSchema; readonly OAuthError: JsonSchema };
  };
}

/** Writes the document of an API. Pure. */
export function openApiDocument(
  { info, securitySchemes, problems }: ApiOutline,
  routes: readonly ApiRoute[],
): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of [...routes].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    (paths[route.path] ??= {})[route.method] = operationOf(route, problems);
  }
  return {
    openapi: '3.1.1',
    info,
    paths,
    components: {
      securitySchemes,
      schemas: { Problem: PROBLEM_SCHEMA, OAuthError: OAUTH_ERROR_SCHEMA },
    },
  };
}

function operationOf(route: ApiRoute, problems: ProblemTable): Operation {
  const { access, description, group, operationId } = route;
  const requestBody = requestBodyOf(route);
  const parameters = parametersOf(route);
  return {
    operationId,
    tags: [group],
    summary: description.summary,
    ...(description.details !== undefined && { description: description.details }),
    security: access ? access.schemes.map((scheme) => ({ [scheme]: access.roles })) : [],
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: {
      ...goodAnswers(description.answers),
      ...badAnswers(codesOf(route), problems, description.oauthErrors ?? {}),
    },
  };
}

function requestBodyOf({ body, description: { form } }: ApiRoute): Operation['requestBody'] {
  if (form) return formBody(form);
  return (
    body && {
      required: !body.safeParse(undefined).success,
      content: { 'application/json': { schema: jsonSchemaOf(body, 'input') } },
    }
  );
}

const formBody = (form: NonNullable<ApiRoute['body']>) => ({
  required: true,
  content: { 'application/x-www-form-urlencoded': { schema: jsonSchemaOf(form, 'input') } },
});

function parametersOf({ params, query, headers }: ApiRoute): Parameter[] {
  const members = (where: 'path' | 'query', schema: typeof params): Parameter[] => {
    if (!schema) return [];
    const { properties = {}, required = [] } = jsonSchemaOf(schema, 'input');
    return Object.entries(properties).map(([name, member]) => ({
      name,
      in: where,
      required: required.includes(name),
      schema: member,
    }));
  };
  return [
    ...members('path', params),
    ...members('query', query),
    ...headers.map((name) => ({
      name,
      in: 'header' as const,
      required: false,
      schema: { type: 'string' },
    })),
  ];
}

function goodAnswers(answers: Readonly<Record<string, AnswerBody>>): Record<string, Answer> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, body]) => [
      status,
      { description: describe(Number(status)), ...(body !== null && { content: contentOf(body) }) },
    ]),
  );
}

function contentOf(body: NonNullable<AnswerBody>) {
  if (typeof body === 'string') return { [body]: { schema: { type: 'string' } } };
  const [type, schema] = 'schema' in body ? [body.type, body.schema] : ['application/json', body];
  return { [type]: { schema: jsonSchemaOf(schema, 'output') } };
}

function describe(status: number): string {
  if (status === 202) return 'Committed, and on its way';
  if (status === 204) return 'Done';
  if (status === 304) return 'What the client has is up to date';
  return status < 300 ? 'Success' : 'Not now';
}

/** Everything that a route may refuse a request with. */
function codesOf(route: ApiRoute) {
  const { access, method, path, params, query, body, description } = route;
  if (route.answersAll) return new Set<ProblemCode>(description.problems);
  return new Set<ProblemCode>([
    ...(access ? access.problems : []),
    ...((params ?? query ?? body) && !description.form ? (['invalid_input'] as const) : []),
    // Fastify reads a body that is there, asked for or not.
    ...(method === 'get'
      ? []
      : (['invalid_json', 'body_too_large', 'unsupported_media_type'] as const)),
    // A segment of the path that cannot be decoded, or is too long to be one.
    ...(path.includes('{') ? (['bad_request', 'not_found'] as const) : []),
    ...(description.problems ?? []),
    ...(access && !description.oauthErrors ? (['database_unavailable'] as const) : []),
    'internal_error',
  ]);
}

function badAnswers(
  codes: ReadonlySet<ProblemCode>,
  table: ProblemTable,
  oauthErrors: Readonly<Record<string, number>>,
): Record<string, Answer> {
  const statuses = [...[...codes].map((code) => table[code].status), ...Object.values(oauthErrors)];
  return Object.fromEntries(
    [...new Set(statuses)].map((status) => {
      const some = [...codes].filter((code) => table[code].status === status);
      const others = Object.keys(oauthErrors).filter((error) => oauthErrors[error] === status);
      return [
        status,
        {
          description: [
            ...some.map((code) => `\`${code}\`: ${table[code].title}`),
            ...others.map((error) => `\`${error}\``),
          ].join('\n\n'),
          content: {
            ...(some.length > 0 && {
              'application/problem+json': { schema: problem(status, some) },
            }),
            ...(others.length > 0 && { 'application/json': { schema: oauthError(others) } }),
          },
        },
      ];
    }),
  );
}

const problem = (status: number, codes: readonly ProblemCode[]): JsonSchema => ({
  allOf: [
    { $ref: '#/components/schemas/Problem' },
    { type: 'object', properties: { status: { const: status }, code: { enum: codes } } },
  ],
});

const oauthError = (errors: readonly string[]): JsonSchema => ({
  allOf: [
    { $ref: '#/components/schemas/OAuthError' },
    { type: 'object', properties: { error: { enum: errors } } },
  ],
});
