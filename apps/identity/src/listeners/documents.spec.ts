import 'reflect-metadata';
import { Validator } from '@seriousme/openapi-schema-validator';
import { fastify } from 'fastify';
import { addForwardAuthRoutes } from '../forward-auth/forward-auth-routes.js';
import type { ForwardAuthRouteParts } from '../forward-auth/forward-auth-routes.js';
import { openApiPage } from '../openapi/openapi-page.js';
import { DocumentedAnswers } from '../../test/documented-answers.mjs';
import { operatorDocument } from './operator-document.js';
import { publicDocument } from './public-document.js';
import { serviceDocument } from './service-document.js';

const documents = {
  public: publicDocument(),
  service: serviceDocument(),
  operator: operatorDocument(),
};
const document = documents.operator;
const all = Object.entries(documents);

it.each(all)('the %s API is valid OpenAPI 3.1', async (_name, document) => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document) as never);
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, '3.1']);
});

it.each(all)(
  'the %s API names each operation once, and every parameter of its path',
  (_name, document) => {
    const ids = new Set<string>();
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { operationId, parameters = [] } of Object.values(operations)) {
        expect(ids.has(operationId)).toBe(false);
        ids.add(operationId);
        const named = parameters
          .filter(({ in: where }) => where === 'path')
          .map(({ name }) => name);
        expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      }
    }
  },
);

it('tells what a request must look like, and what it may be refused with', () => {
  const { requestBody, parameters, responses, security } =
    document.paths['/operator/clients/{id}']!['patch']!;
  expect(security).toEqual([{ operator: ['keys'] }]);
  expect(parameters).toMatchObject([
    { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
    { name: 'prefer', in: 'header', required: false },
  ]);
  expect(requestBody).toMatchObject({
    required: true,
    content: {
      'application/json': {
        schema: { additionalProperties: false, properties: { scopes: { type: 'array' } } },
      },
    },
  });
  const codes = Object.entries(responses).flatMap(([status, { content }]) => {
    const problem = content?.['application/problem+json']?.schema as
      { allOf: [unknown, { properties: { code: { enum: string[] } } }] } | undefined;
    return problem ? problem.allOf[1].properties.code.enum.map((code) => `${status} ${code}`) : [];
  });
  expect(codes.sort()).toEqual([
    '400 audience_not_allowed',
    '400 bad_request',
    '400 invalid_input',
    '400 invalid_json',
    '401 operator_token_rejected',
    '403 operator_role_missing',
    '404 no_such_client',
    '404 not_found',
    '409 public_client',
    '413 body_too_large',
    '415 unsupported_media_type',
    '500 internal_error',
    '503 database_unavailable',
  ]);
});

describe('the page', () => {
  it('has a section for each operation, with its role', () => {
    const page = openApiPage(document);
    for (const operations of Object.values(document.paths)) {
      for (const { operationId, security } of Object.values(operations)) {
        const [, section = ''] = page.split(`<details id="${operationId}">`);
        const [role] = security.flatMap((scheme) => Object.values(scheme).flat());
        expect(section.slice(0, 120)).toContain(
          role === undefined ? '>open<' : `role <code>${role}<`,
        );
      }
    }
  });

  it('shows text as text, and has no script', () => {
    const title = '<script>alert(1)</script>';
    const page = openApiPage({
      ...document,
      info: { ...document.info, title, description: title },
    });
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;');
  });
});

describe('the public API', () => {
  const { post } = documents.public.paths['/auth/login']!;
  const { get } = documents.public.paths['/auth/me']!;

  it('says which routes are open, and what does for the others', () => {
    expect(post!.security).toEqual([]);
    expect(get!.security.flatMap(Object.keys)).toEqual([
      'access_token',
      'access_cookie',
      'session_cookie',
    ]);
    expect(openApiPage(documents.public)).toContain(
      '<span class="role"><code>access_token</code> or <code>access_cookie</code>',
    );
  });

  it('tells every verdict on a token, and every limit', () => {
    const told = (answer: { readonly description: string } | undefined) =>
      [...(answer?.description.matchAll(/`(\w+)`:/g) ?? [])].map(([, code]) => code);
    expect(told(get!.responses['401'])).toEqual(
      expect.arrayContaining(['credentials_required', 'expired', 'revoked', 'session_ended']),
    );
    for (const { responses } of [get!, post!])
      expect(told(responses['429'])).toEqual(['too_many_attempts']);
  });

  it('says of the OAuth endpoints what OAuth clients read', () => {
    const { requestBody, responses } = documents.public.paths['/oauth/token']!['post']!;
    expect(Object.keys(requestBody!.content)).toEqual(['application/x-www-form-urlencoded']);
    expect(Object.keys(responses['401']!.content!)).toEqual(['application/json']);
    expect(responses['400']!.description).toContain('`unsupported_grant_type`');
  });
});

describe('the service API', () => {
  it('names each way in which a gateway can ask, and every status of it', async () => {
    const app = fastify();
    const served: string[] = [];
    app.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat())
        served.push(`${one.toLowerCase()} ${url.replace('*', '{target}')}`);
    });
    addForwardAuthRoutes(app, {} as ForwardAuthRouteParts);
    await app.ready();
    const described = Object.entries(documents.service.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { operationId }]) => operationId.startsWith('forwardAuth.'))
        .map(([method, { responses }]) => {
          expect(Object.keys(responses)).toEqual(['200', '400', '401', '403', '503']);
          return `${method} ${path}`;
        }),
    );
    expect(described).toHaveLength(9);
    expect(served).toEqual(expect.arrayContaining(described));
    // OpenAPI has no word for the other methods.
    for (const one of served.filter((route) => !described.includes(route)))
      expect(one).toMatch(/^[\w-]+ \/ext-authz\/\{target\}$/);
  });
});

describe('the check that every test of a listener makes', () => {
  const faultsOf = (method: string, path: string, status: number, body: unknown) => {
    const answers = new DocumentedAnswers(documents.public);
    const type = `application/${status < 400 ? '' : 'problem+'}json`;
    answers.look(method, path, status, type, JSON.stringify(body));
    return [...answers.faults];
  };
  const problem = (status: number, code: string) => ({ type: 'x', title: 'x', status, code });

  it('passes what is documented', () => {
    const done = { status: 'verified' };
    expect(faultsOf('POST', '/auth/email/verify', 200, done)).toEqual([]);
    const gone = problem(404, 'unknown_session');
    expect(faultsOf('DELETE', '/auth/sessions/x', 404, gone)).toEqual([]);
  });

  it('passes what any request may be refused with, where nothing else is refused so', () => {
    const refusals = [problem(400, 'bad_request'), problem(431, 'headers_too_large')];
    for (const body of refusals) {
      expect(faultsOf('GET', '/auth/me', body.status, body)).toEqual([]);
      expect(faultsOf('GET', '/nothing', body.status, body)).toEqual([]);
    }
    const nothing = problem(404, 'not_found');
    expect(faultsOf('GET', '/nothing', 404, nothing)).toEqual([]);
    expect(faultsOf('GET', '/auth/me', 404, nothing)).toHaveLength(1);
    expect(faultsOf('GET', '/nothing', 404, {})).toHaveLength(1);
  });

  it.each([
    ['a status', 'GET', '/auth/me', 409, problem(409, 'conflict')],
    ['a code', 'GET', '/auth/me', 401, problem(401, 'credentials_rejected')],
    ['a member', 'POST', '/auth/email/verify', 200, { status: 'verified', sub: 'x' }],
    ['a route', 'PUT', '/auth/me', 200, {}],
  ])('notices %s that is not documented', (_what, method, path, status, body) => {
    expect(faultsOf(method, path, status, body)).toHaveLength(1);
  });
});
