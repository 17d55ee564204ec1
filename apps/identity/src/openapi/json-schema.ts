import { z } from 'zod';

/** A JSON Schema (2020-12), as far as it is read here. */
export interface JsonSchema {
  readonly type?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

/** What a schema takes (`input`) or gives (`output`). */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const written = { ...z.toJSONSchema(schema, { io }) };
  // The document's own dialect (OpenAPI 3.1 §4.8.24) is the same.
  delete written.$schema;
  return written as JsonSchema;
}

/** An error of an OAuth endpoint (RFC 6749 §5.2). */
export const OAUTH_ERROR_SCHEMA = jsonSchemaOf(
  z.strictObject({ error: z.string(), error_description: z.string().describe('For developers') }),
  'output',
);

/** A problem document (RFC 9457). */
export const PROBLEM_SCHEMA = jsonSchemaOf(
  z.strictObject({
    type: z.string().describe('`urn:countersign:error:` and the code'),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable: programs go by it'),
    detail: z.string().optional().describe('For people'),
    errors: z
      .array(
        z.strictObject({
          pointer: z.string().describe('A JSON Pointer (RFC 6901)'),
          detail: z.string(),
        }),
      )
      .optional()
      .describe('The faulty members, of `invalid_input`'),
  }),
  'output',
);
