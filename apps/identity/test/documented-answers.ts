import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import type { OpenApiDocument } from '../src/openapi/openapi-document.js';

/** Holds every answer of a listener against its OpenAPI document. */
export class DocumentedAnswers {
  /** `GET /path/{id} 200` of each answer that was sent. */
  readonly seen = new Set<string>();
  /** What the document does not say, each once. */
  readonly faults = new Set<string>();
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });

  constructor(private readonly document: OpenApiDocument) {
    this.#ajv.addSchema(document, 'document');
  }

  /** Before routes are registered. */
  watch(app: FastifyInstance): void {
    app.addHook('onSend', (request, reply, payload, done) => {
      const { url } = request.routeOptions;
      if (url !== undefined && request.method !== 'HEAD') {
        const path = url.replace(/:(\w+)/g, '{$1}');
        const type = String(reply.getHeader('content-type') ?? '').split(';')[0]!;
        this.look(request.method, path, reply.statusCode, type, payload);
      }
      done(null, payload);
    });
  }

  look(method: string, path: string, status: number, type: string, payload: unknown): void {
    const name = `${method} ${path} ${String(status)}`;
    this.seen.add(name);
    const operation = this.document.paths[path]?.[method.toLowerCase()];
    const answer = operation?.responses[String(status)];
    if (!answer) {
      this.faults.add(`${name} is not documented`);
      return;
    }
    if (!answer.content) {
      if (payload) this.faults.add(`${name} has a body`);
      return;
    }
    if (!answer.content[type]) this.faults.add(`${name} has the type ${type}`);
    else if (type.endsWith('json')) this.#validate(name, [path, method, status, type], payload);
  }

  #validate(
    name: string,
    [path, method, status, type]: readonly [string, string, number, string],
    payload: unknown,
  ): void {
    const steps = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content'];
    const pointer = [...steps, type, 'schema'].map(
      (step) => `/${encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))}`,
    );
    const ref = `document#${pointer.join('')}`;
    const validate = this.#ajv.getSchema(ref);
    if (!validate) throw new TypeError(`no schema at ${ref}`);
    if (!validate(JSON.parse(String(payload)))) {
      this.faults.add(`${name}: ${this.#ajv.errorsText(validate.errors)}`);
    }
  }
}
