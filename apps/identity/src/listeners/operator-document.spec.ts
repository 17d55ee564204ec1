import 'reflect-metadata';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openApiPage } from '../openapi/openapi-page.js';
import { operatorDocument } from './operator-document.js';

const document = operatorDocument();

it('is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document) as never);
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, '3.1']);
});

it('names each operation once, and every parameter of its path', () => {
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const { operationId, parameters = [] } of Object.values(operations)) {
      expect(ids.has(operationId)).toBe(false);
      ids.add(operationId);
      const named = parameters.filter(({ in: where }) => where === 'path').map(({ name }) => name);
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  }
});

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
