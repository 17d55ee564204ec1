import type { IncomingHttpHeaders } from 'node:http';
import { connectionListed, isDroppedAtTheEdge, isHopByHop } from './header-names.js';
import type { VerifiedToken } from './verify-at-the-edge.js';

/** What the edge itself knows of a request. */
export interface EdgeFacts {
  readonly clientAddress: string;
  readonly protocol: string;
  /** As the client spelt it in `Host`, or as a trusted proxy reports it. */
  readonly host: string;
  readonly requestId: string;
  readonly method: string;
  /** The trace as the edge tells it; without a word of its own the client's goes on. */
  readonly trace: Readonly<Record<string, string>>;
}

/** Identity reads credentials itself, as they came; a relying service gets the token that was verified, and no cookie. */
export type Credentials = 'as they came' | VerifiedToken;

/**
 * The headers to send to an upstream, made from those of a request: without what ends at this hop, without anything that
 * claims an identity or an origin, and with our own word for both.
 */
export function upstreamHeaders(
  incoming: IncomingHttpHeaders,
  facts: EdgeFacts,
  credentials: Credentials,
): IncomingHttpHeaders {
  const listed = connectionListed(incoming.connection);
  const kept = Object.entries(incoming).filter(
    ([name]) =>
      !isDroppedAtTheEdge(name) &&
      !listed.includes(name) &&
      !(name === 'tracestate' && 'traceparent' in facts.trace),
  );
  const headers: IncomingHttpHeaders = {
    ...Object.fromEntries(kept),
    ...facts.trace,
    'x-forwarded-for': facts.clientAddress.replace(/^::ffff:(?=\d+\.)/i, ''),
    'x-forwarded-proto': facts.protocol === 'https' ? 'https' : 'http',
    'x-forwarded-host': facts.host,
    'x-request-id': facts.requestId,
  };
  if (facts.method === 'GET' || facts.method === 'HEAD') {
    // A body of these is not read, so nothing may announce one.
    delete headers['content-length'];
    delete headers['content-type'];
  }
  if (credentials !== 'as they came') {
    headers.authorization = `Bearer ${credentials.token}`;
    delete headers.cookie;
    // The answer is looked through for the token.
    if (credentials.isHidden) headers['accept-encoding'] = 'identity';
  }
  return headers;
}

/** Identity may set cookies; a relying service may not, nor hand the token out that it was given, nor say which pages may read. */
export type AnsweredBy = 'from identity' | Pick<VerifiedToken, 'token'>;

/**
 * The headers of an upstream's answer to pass on. Cookies of this origin are identity's alone to set; which pages of other origins may
 * read with them is the edge's to say. A header of a relying service that repeats the token it was given is dropped: clients with an
 * opaque cookie have none.
 */
export function answerHeaders(
  answered: IncomingHttpHeaders,
  answeredBy: AnsweredBy,
): IncomingHttpHeaders {
  const listed = connectionListed(answered.connection);
  const isKept = (name: string, value: string | string[] | undefined) =>
    answeredBy === 'from identity' ||
    (name !== 'set-cookie' &&
      !name.startsWith('access-control-') &&
      ![value ?? []].flat().join().includes(answeredBy.token));
  return Object.fromEntries(
    Object.entries(answered).filter(
      ([name, value]) => !isHopByHop(name) && !listed.includes(name) && isKept(name, value),
    ),
  );
}
