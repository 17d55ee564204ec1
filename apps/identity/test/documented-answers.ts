import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import type { OpenApiDocument } from '../src/openapi/openapi-document.js';

/** What a route that is not there answers, and what every route may answer before anything of it runs. */
const OF_ANY_PATH = new Set([404, 405, 408, 431]);

/** Holds every answer of a listener against its OpenAPI document. */
export class DocumentedAnswers {
  /** `GET /path/{id} 200` of each answer that was sent. */
  readonly seen = new Set<string>();
  /** What the document does not say, each once. */
  readonly faults = new Set<string>();
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false });
  readonly #templates: readonly (readonly [RegExp, string])[];

  constructor(private readonly document: OpenApiDocument) {
    this.#ajv.addSchema(document, 'document');
    this.#templates = Object.keys(document.paths)
      .sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
      .map((path) => [new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]*')}$`), path]);
  }

  /** Looks at what a server sends; before routes are registered. */
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

  /** Looks at what came back from a server. */
  async lookAt(method: string, path: string, response: Response): Promise<void> {
    const { status } = response;
    const template = this.#templates.find(([pattern]) => pattern.test(path))?.[1];
    if (template === undefined || !this.document.paths[template]?.[method.toLowerCase()]) {
      if (!OF_ANY_PATH.has(status) && !['HEAD', 'OPTIONS'].includes(method)) {
        this.faults.add(`${method} ${path} ${String(status)} is not documented`);
      }
      return;
    }
    if (status === 408 || status === 431) return;
    const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
    const isJson = /[/+]json$/.test(type);
    // Who asked may have cut it off, or stopped the server.
    const payload = isJson
      ? await response
          .clone()
          .text()
          .catch(() => undefined)
      : undefined;
    if (!isJson || payload !== undefined) this.look(method, template, status, type, payload);
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
    if (!payload && type === '') return;
    if (!answer.content) {
      if (payload) this.faults.add(`${name} has a body`);
      return;
    }
    if (!answer.content[type]) this.faults.add(`${name} has the type ${type}`);
    else if (method !== 'HEAD' && /[/+]json$/.test(type))
      this.#validate(name, [path, method, status, type], payload);
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
