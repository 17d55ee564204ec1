import type { IncomingHttpHeaders } from 'node:http';
import {
  connectionListed,
  isForIdentity,
  isForServices,
  isHopByHop,
  isOfTheOrigin,
} from './header-names.js';
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
 * The headers to send to an upstream, made from those of a request: to a relying service what is known to say neither who nor where
 * somebody is, to identity all but what ends at this hop; and our own word for both.
 */
export function upstreamHeaders(
  incoming: IncomingHttpHeaders,
  facts: EdgeFacts,
  credentials: Credentials,
): IncomingHttpHeaders {
  const listed = connectionListed(incoming.connection);
  const goesOn = credentials === 'as they came' ? isForIdentity : isForServices;
  const kept = Object.entries(incoming).filter(
    ([name]) =>
      goesOn(name) &&
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
    // The answer is looked through for the token.
    if (credentials.isHidden) headers['accept-encoding'] = 'identity';
  }
  return headers;
}

/** Opts in to shared caches, or out of them. */
const SAYS_WHO_MAY_KEEP_IT = /\b(?:no-store|private|public|s-maxage|must-revalidate)\b/i;

/** Identity may say anything; a relying service nothing in the name of the origin, nor hand the token out that it was given. */
export type AnsweredBy = 'from identity' | Pick<VerifiedToken, 'token'>;

/**
 * The headers of an upstream's answer to pass on. Cookies of this origin are identity's alone to set; which pages of other origins may
 * read with them is the edge's to say. A header of a relying service that repeats the token it was given is dropped: clients with an
 * opaque cookie have none.
 *
 * What a relying service lets be kept without a word of shared caches is for one person. These leave out what came with `Authorization`
 * by themselves (RFC 9111 §3.5), but clients with cookies show none.
 */
export function answerHeaders(
  answered: IncomingHttpHeaders,
  answeredBy: AnsweredBy,
): IncomingHttpHeaders {
  const listed = connectionListed(answered.connection);
  const headers = Object.entries(answered).filter(
    ([name]) => !isHopByHop(name) && !listed.includes(name),
  );
  if (answeredBy === 'from identity') return Object.fromEntries(headers);
  const kept = Object.fromEntries(
    headers.filter(
      ([name, value]) =>
        !isOfTheOrigin(name) && ![value ?? []].flat().join().includes(answeredBy.token),
    ),
  );
  const caching = [kept['cache-control'] ?? []].flat().join(', ');
  if (caching !== '' && !SAYS_WHO_MAY_KEEP_IT.test(caching)) {
    kept['cache-control'] = `private, ${caching}`;
  }
  return kept;
}
