// Plain JavaScript: it is also loaded into built processes, by watch-identity.mjs.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** As routers read a path: what need not be escaped means the same when it is (RFC 3986 §2.3). */
const unescaped = (path) =>
  path.replace(/%([2-7][\da-f])/gi, (escaped, hex) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w.~-]/.test(character) ? character : escaped;
  });

/** Problems of a request before it is one of an operation, and of one that never becomes it: documented for the API as a whole. */
const OF_ANY_REQUEST = { bad_request: 400, request_timeout: 408, headers_too_large: 431 };
const OF_NO_OPERATION = {
  ...OF_ANY_REQUEST,
  not_found: 404,
  invalid_json: 400,
  body_too_large: 413,
  unsupported_media_type: 415,
};
const REQUESTS = 'http.server.request.start';
const CONNECTIONS = 'net.server.socket';

export class DocumentedAnswers {
  seen = new Set();
  faults = new Set();
  #ajv = new Ajv2020({ strict: false, validateFormats: false });
  #document;
  #templates;
  #tell;

  constructor(document, tell = () => undefined) {
    this.#document = document;
    this.#tell = tell;
    this.#ajv.addSchema(document, 'document');
    this.#templates = Object.keys(document.paths)
      .sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
      .map((path) => {
        const pattern = path.replace('{target}', '.*').replace(/\{\w+\}/g, '[^/]*');
        return [new RegExp(`^${pattern}$`), path];
      });
  }

  watch(port) {
    const watchOne = ({ request, response }) => {
      if (request.socket.localPort !== port) return;
      const chunks = keepJson(response);
      response.once('close', () => {
        if (!response.headersSent) return;
        const type = typeOf(response);
        // Who asked may have cut it off.
        const isWhole = isJson(type) && response.writableFinished;
        const payload = isWhole ? Buffer.concat(chunks).toString() : undefined;
        const path = unescaped(request.url.split('?')[0]);
        this.look(request.method, path, response.statusCode, type, payload);
      });
    };
    // What is no HTTP never becomes a request: it is answered on the connection itself. Without TLS that is this one.
    const watchConnection = ({ socket }) => {
      if (socket.localPort !== port) return;
      const given = socket.end;
      socket.end = (data, ...rest) => {
        if (typeof data === 'string') this.lookAtBare(data);
        return given.call(socket, data, ...rest);
      };
    };
    subscribe(REQUESTS, watchOne);
    subscribe(CONNECTIONS, watchConnection);
    return () => {
      unsubscribe(REQUESTS, watchOne);
      unsubscribe(CONNECTIONS, watchConnection);
    };
  }

  /** An answer to what is no request, as it is sent. */
  lookAtBare(text) {
    const [head = '', payload] = text.split('\r\n\r\n');
    const [, status] = /^HTTP\/1\.1 (\d+) /.exec(head) ?? [];
    const isProblem = /^content-type: application\/problem\+json\r?$/im.test(head);
    if (isProblem && this.#isOfTheWhole(OF_ANY_REQUEST, '', Number(status), payload)) return;
    this.#note(`what is no request: ${status} is not documented`);
  }

  look(method, path, status, type, payload) {
    const template = this.#templates.find(([pattern]) => pattern.test(path))?.[1];
    const operations = this.#document.paths[template] ?? {};
    // OpenAPI has no word for some methods.
    const asked = method === 'HEAD' || template?.endsWith('{target}') ? 'get' : '';
    const known = [method.toLowerCase(), asked].find((one) => one in operations);
    const name = `${method} ${known ? template : path} ${String(status)}`;
    if (this.#isOfTheWhole(known ? OF_ANY_REQUEST : OF_NO_OPERATION, method, status, payload))
      return;
    if (known === undefined) {
      // Answered to whoever asks from another page.
      if (method !== 'OPTIONS') this.#note(`${name} is not documented`);
      return;
    }
    this.seen.add(name);
    const answer = operations[known].responses[String(status)];
    if (!answer) this.#note(`${name} is not documented`);
    else if (!answer.content) {
      if (payload || type !== '') this.#note(`${name} has a body`);
    } else if (!answer.content[type]) {
      if (payload || type !== '') this.#note(`${name} has the type ${type}`);
    } else if (method !== 'HEAD' && isJson(type) && payload !== undefined) {
      this.#validate(name, [template, known, status, type], payload);
    }
  }

  /** By its code, where there is a body to read it in. */
  #isOfTheWhole(problems, method, status, payload) {
    const { description } = this.#document.info;
    const isSaid = (code) => problems[code] === status && description.includes(`\`${code}\``);
    if (method === 'HEAD' || payload === undefined) return Object.keys(problems).some(isSaid);
    const validate = this.#ajv.getSchema('document#/components/schemas/Problem');
    try {
      const problem = JSON.parse(payload);
      return validate(problem) && problem.status === status && isSaid(problem.code);
    } catch {
      return false;
    }
  }

  #validate(name, [path, method, status, type], payload) {
    const steps = ['paths', path, method, 'responses', String(status), 'content', type, 'schema'];
    const pointer = steps.map(
      (step) => `/${encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))}`,
    );
    const ref = `document#${pointer.join('')}`;
    const validate = this.#ajv.getSchema(ref);
    if (!validate) throw new TypeError(`no schema at ${ref}`);
    if (!validate(JSON.parse(payload)))
      this.#note(`${name}: ${this.#ajv.errorsText(validate.errors)}`);
  }

  #note(fault) {
    if (this.faults.has(fault)) return;
    this.faults.add(fault);
    this.#tell(fault);
  }
}

const isJson = (type) => /[/+]json$/.test(type);

/** Once its head is written. */
const typeOf = (response) => /^content-type: ([^;\r]*)/im.exec(response._header)?.[1] ?? '';

/** @returns what is written to an answer as it is written; nothing of a stream that is not JSON */
function keepJson(response) {
  const chunks = [];
  for (const name of ['write', 'end']) {
    const given = response[name];
    response[name] = function (chunk, ...rest) {
      const isBody = typeof chunk === 'string' || chunk instanceof Uint8Array;
      if (isBody && (!response.headersSent || isJson(typeOf(response))))
        chunks.push(Buffer.from(chunk));
      return given.call(this, chunk, ...rest);
    };
  }
  return chunks;
}
