import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem.js';
import { toProblemAnswer } from './problem-filter.js';

/** Lines of headers. Of more than 2000 Node drops the rest without a word, and who stands in front has read them. */
const MOST_HEADERS = 200;

type Form = Pick<IncomingMessage, 'url' | 'httpVersionMajor' | 'rawHeaders'>;

/**
 * What is wrong with the form of a request, whatever it asks for: a target that is no path (RFC 9112 §3.2; routers cut an absolute one
 * short, and whoever compares paths does not see that), more than one Host, HTTP/0.9, or headers without end.
 */
export function faultOfForm({
  url = '',
  httpVersionMajor,
  rawHeaders,
}: Form): 'bad_request' | 'headers_too_large' | undefined {
  if (rawHeaders.length > 2 * MOST_HEADERS) return 'headers_too_large';
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  }
  return httpVersionMajor === 1 && hosts <= 1 && url.startsWith('/') ? undefined : 'bad_request';
}

/** Refuses such a request, and closes its connection, before anything else looks at it. */
export function refuseOtherForms(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const fault = faultOfForm(request.raw);
    if (!fault) {
      done();
      return;
    }
    const { problem } = toProblemAnswer(new ProblemError(fault));
    void reply
      .status(problem.status)
      .headers({ connection: 'close', 'cache-control': 'no-store' })
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  });
}
