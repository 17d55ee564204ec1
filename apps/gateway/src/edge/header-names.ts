/** Headers that end at each hop (RFC 9110 §7.6.1), and `Expect`, which this hop has answered itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * What of a client's headers goes on to a relying service; one that needs another adds it here. Proxies and frameworks spell "who this
 * is" in more ways than anybody can list, and one day a service might believe one of them.
 */
const FOR_SERVICES = new Set([
  'accept',
  'accept-language',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'prefer',
  'traceparent',
  'tracestate',
  'user-agent',
]);

/** What says where a request came from: the edge's to say. */
const PROVENANCE = /^(x-)?(forwarded|original|real)(-|$)/;

/** What of a relying service's answers is not its to say, in the name of an origin that it shares with others. */
const OF_THE_ORIGIN = /^(set-cookie|authorization|clear-site-data|access-control-.*)$/;

/** Whether a header, by its lower-case name, belongs to one connection only. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/** Whether a header of a request, by its lower-case name, goes on to a relying service. */
export function isForServices(name: string): boolean {
  return FOR_SERVICES.has(name);
}

/**
 * Whether a header of a request, by its lower-case name, goes on to identity, which reads all of them itself. Names with underscores do
 * not: CGI-like environments cannot tell them from those with hyphens, and nginx drops them too.
 */
export function isForIdentity(name: string): boolean {
  return !isHopByHop(name) && !name.includes('_') && !PROVENANCE.test(name);
}

/** Whether a header of an answer, by its lower-case name, is not a relying service's to send. */
export function isOfTheOrigin(name: string): boolean {
  return OF_THE_ORIGIN.test(name);
}

/** The names that a `Connection` header lists, lower-case: they end at this hop as well (RFC 9110 §7.6.1). */
export function connectionListed(connection: string | undefined): readonly string[] {
  return (connection ?? '').split(',').map((name) => name.trim().toLowerCase());
}
