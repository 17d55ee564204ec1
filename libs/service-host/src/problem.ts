/** One fault of a request's body or query: `pointer` is a JSON Pointer (RFC 6901) into it. */
export interface InputFault {
  readonly pointer: string;
  readonly detail: string;
}

/** A problem document (RFC 9457) as we send it. `code` is stable; `detail` is for people. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly errors?: readonly InputFault[];
}

/** Problems that any HTTP service of ours can answer with; features add their own. */
export const GENERAL_PROBLEMS = {
  bad_request: { status: 400, title: 'The request is not well-formed' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_input: { status: 400, title: 'The request has invalid members' },
  unauthorized: { status: 401, title: 'Credentials are required' },
  forbidden: { status: 403, title: 'This is not permitted' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'This method is not supported here' },
  request_timeout: { status: 408, title: 'The request took too long' },
  conflict: { status: 409, title: 'The state of things does not allow it' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service cannot answer right now' },
} as const satisfies Record<string, { status: number; title: string }>;
export type GeneralProblemCode = keyof typeof GENERAL_PROBLEMS;

/** Builds a problem document from a table's row. */
export function makeProblem(
  code: string,
  { status, title }: { readonly status: number; readonly title: string },
  more: { readonly detail?: string | undefined; readonly errors?: readonly InputFault[] } = {},
): Problem {
  return {
    type: `urn:countersign:error:${code}`,
    title,
    status,
    code,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    ...(more.errors === undefined ? {} : { errors: more.errors }),
  };
}

/** A general problem, thrown anywhere at the edge. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;

  constructor(
    code: GeneralProblemCode,
    more: {
      readonly detail?: string;
      readonly errors?: readonly InputFault[];
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(more.detail ?? GENERAL_PROBLEMS[code].title);
    this.problem = makeProblem(code, GENERAL_PROBLEMS[code], more);
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  readonly retryAfterSeconds: number | undefined;
}

/**
 * The general problem for an error of the HTTP framework, by its status. Anything that is not the client's fault becomes
 * `internal_error` with a fixed text, so that nothing leaks.
 */
export function problemForStatus(status: number, frameworkCode?: string): Problem {
  const code = generalCode(status, frameworkCode);
  return makeProblem(code, GENERAL_PROBLEMS[code]);
}

function generalCode(status: number, frameworkCode?: string): GeneralProblemCode {
  switch (status) {
    case 400:
      return frameworkCode?.includes('JSON') || frameworkCode === 'FST_ERR_CTP_EMPTY_JSON_BODY'
        ? 'invalid_json'
        : 'bad_request';
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 405:
      return 'method_not_allowed';
    case 408:
      return 'request_timeout';
    case 409:
      return 'conflict';
    case 413:
      return 'body_too_large';
    case 415:
      return 'unsupported_media_type';
    case 429:
      return 'too_many_requests';
    case 431:
      return 'headers_too_large';
    case 503:
      return 'unavailable';
    default:
      return status >= 400 && status < 500 ? 'bad_request' : 'internal_error';
  }
}
