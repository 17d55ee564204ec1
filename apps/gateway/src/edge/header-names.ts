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
 * How proxies and frameworks in the wild spell "who this is" and "where it came from". What a client sends under these names
 * must never reach a service: one day one of them might believe it.
 */
const CLAIMS_OF_IDENTITY = [
  /^(x-)?forwarded(-|$)/,
  /^(x-)?(remote|ssl|tls|countersign)-/,
  /^x-(auth|user)/,
  /^x-(subject|sub|session|sid|jwt|roles?|scopes?|groups?|email)(-|$)/,
  /^x-(real|client|cluster-client|original|rewrite|envoy)-/,
  /^(true-client-ip|cf-connecting-ip|fastly-client-ip)$/,
  /^(client-cert|cf-access)(-|$)/,
  /^x-(webauth|consumer|credential|goog-authenticated-user|goog-iap|amzn-oidc|ms-client-principal)(-|$)/,
  /^x-(access|id)-token$/,
  /^x-(http-)?method(-override)?$/,
];

/** Whether a header, by its lower-case name, belongs to one connection only. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/**
 * Whether a header of a request, by its lower-case name, is dropped at the edge. Every name with an underscore is: CGI-like
 * environments cannot tell it from the one with a hyphen, and nginx drops them too.
 */
export function isDroppedAtTheEdge(name: string): boolean {
  return (
    isHopByHop(name) ||
    name.includes('_') ||
    CLAIMS_OF_IDENTITY.some((pattern) => pattern.test(name))
  );
}

/** The names that a `Connection` header lists, lower-case: they end at this hop as well (RFC 9110 §7.6.1). */
export function connectionListed(connection: string | undefined): readonly string[] {
  return (connection ?? '').split(',').map((name) => name.trim().toLowerCase());
}
