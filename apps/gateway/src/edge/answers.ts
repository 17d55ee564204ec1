import { makeProblem } from '@countersign/service-host';
import type { Problem } from '@countersign/service-host';

/** An answer that the edge gives itself. */
export interface EdgeAnswer {
  readonly problem: Omit<Problem, 'detail' | 'errors'>;
  readonly headers?: Readonly<Record<string, string>>;
}

const PROBLEMS = {
  ambiguous_target: { status: 400, title: 'The path can be read in more than one way' },
  upgrade_refused: { status: 400, title: 'Connections are not upgraded here' },
  upstream_unavailable: { status: 503, title: 'The service behind this path does not answer' },
  forward_auth_unavailable: {
    status: 503,
    title: 'Nobody can say right now who makes this request',
  },
} as const;

/** How long a caller should wait before it tries an upstream again, seconds. */
const RETRY_AFTER_SECONDS = '5';

/** The answers that only the edge can give. */
export const EDGE_ANSWERS = {
  ambiguousTarget: { problem: makeProblem('ambiguous_target', PROBLEMS.ambiguous_target) },
  upgradeRefused: { problem: makeProblem('upgrade_refused', PROBLEMS.upgrade_refused) },
  upstreamUnavailable: {
    problem: makeProblem('upstream_unavailable', PROBLEMS.upstream_unavailable),
    headers: { 'retry-after': RETRY_AFTER_SECONDS },
  },
  forwardAuthUnavailable: {
    problem: makeProblem('forward_auth_unavailable', PROBLEMS.forward_auth_unavailable),
    headers: { 'retry-after': RETRY_AFTER_SECONDS },
  },
} as const satisfies Record<string, EdgeAnswer>;

/** The part of a reply that an answer needs; Fastify's types differ by what the server may be. */
interface Reply<Self> {
  status(code: number): Self;
  headers(values: Readonly<Record<string, string>>): Self;
  type(contentType: string): Self;
  send(body: string): Self;
}

/** Sends a problem document (RFC 9457) with its headers. */
export function sendAnswer<Self extends Reply<Self>>(
  reply: Self,
  { problem, headers = {} }: EdgeAnswer,
): Self {
  return reply
    .status(problem.status)
    .headers(headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}
