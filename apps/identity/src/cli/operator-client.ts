import type { CliContext } from './cli-context.js';
import { CliFailure } from './cli-failure.js';
import { findOperatorAccess } from './operator-access.js';
import { withProgress } from './progress.js';

/** Longer than identity may take: a rotation is several transactions, and each may wait four seconds for its lock. */
const TIMEOUT_MS = 30_000;

interface ProblemBody {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** Speaks with identity's operator listener. Answers are taken for what their types say: they come from the same build. */
export class OperatorClient {
  readonly url: string;
  readonly #token: string;

  /** @throws {CliFailure} when it is not known where identity is, or who asks */
  constructor(private readonly context: CliContext) {
    const { url, token } = findOperatorAccess(context.surroundings);
    this.url = url;
    this.#token = token;
  }

  get<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const search = new URLSearchParams(query).toString();
    return this.#ask<T>('GET', search === '' ? path : `${path}?${search}`);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#ask<T>('POST', path, body);
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.#ask<T>('PATCH', path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.#ask<T>('DELETE', path);
  }

  async #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.send(method, path, body);
    const text = await response.text();
    if (!response.ok) throw refusal(response.status, text);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** One request, whatever comes of it. @throws {CliFailure} `unreachable` */
  async send(method: string, path: string, body?: unknown): Promise<Response> {
    try {
      return await withProgress(
        `identity at ${this.url}`,
        (text) => this.context.note(text),
        fetch(`${this.url}${path}`, {
          method,
          redirect: 'error',
          signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: {
            authorization: `Bearer ${this.#token}`,
            // Who revokes would like to know that it has been applied everywhere.
            ...(method === 'POST' || method === 'PATCH' ? { prefer: 'wait=2' } : {}),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
    } catch (error) {
      throw unanswered(method, this.url, error);
    }
  }
}

/** What it means to a person that nothing came back. */
export function unanswered(method: string, url: string, error: unknown): CliFailure {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  const late = `identity at ${url} gave no answer within ${String(TIMEOUT_MS / 1000)} s`;
  const away = `identity does not answer at ${url} (${cause?.code ?? 'no connection'}): is it running, and is COUNTERSIGN_OPERATOR_URL its operator listener?`;
  const said =
    name !== 'TimeoutError'
      ? away
      : method === 'GET'
        ? late
        : `${late}: it may be done all the same, so look before you ask again`;
  return new CliFailure('unavailable', 'unreachable', said, { cause: error });
}

/** What an answer that is not a success means to a person. */
export function refusal(status: number, text: string): CliFailure {
  const { code = `http_${String(status)}`, title, detail, errors = [] } = parseProblem(text);
  const said = [detail ?? title ?? `identity answered ${String(status)}`];
  for (const fault of errors) said.push(`${fault.pointer || 'the input'} ${fault.detail}`);
  if (status === 401) {
    said.push(
      'the token is not, or no longer, one of an operator; "countersign operators add <name> --replace" makes a new one',
    );
  }
  if (code === 'operator_role_missing') {
    said.push('"countersign operators add <name> --replace --role …" gives other roles');
  }
  return new CliFailure(
    status === 503 ? 'unavailable' : status < 500 ? 'refused' : 'wrong',
    code,
    said.join('\n  '),
  );
}

function parseProblem(text: string): ProblemBody {
  try {
    const body = JSON.parse(text) as unknown;
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}
