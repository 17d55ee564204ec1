import { isUnambiguousTarget } from '@countersign/service-host';
import type { RequestHead } from '@countersign/token-verifier';

/** What a gateway says of the request that it asks about, or why that cannot be used. */
export type DescribedRequest =
  | { readonly method: string; readonly audience: string; readonly fault?: undefined }
  | { readonly fault: 'metadata_rejected' | 'ambiguous_target' };

/** A question of a gateway: its own method, target and headers. */
export interface GatewayQuestion extends RequestHead {
  readonly target: string;
}

/** RFC 9110 §9.1; one, so no list. */
export const METHOD = /^[!#$%&'*+\-.^`|~\w]{1,32}$/;
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const AUDIENCE = /^[\w.~:-]{1,100}$/;
const ABSOLUTE = /^(https?):\/\/([^/?#]+)(\/.*)$/;

const FORWARDED = [
  'x-forwarded-method',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-uri',
];
const ORIGINAL = ['x-original-method', 'x-original-url'];
const METADATA = new Set([...FORWARDED, ...ORIGINAL]);

const REJECTED = { fault: 'metadata_rejected' } as const;

/** Of Caddy and Traefik: `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri`; the service as `?audience=`. */
export function forwardedRequest({ target, rawHeaders }: GatewayQuestion): DescribedRequest {
  const [method = '', proto = '', host = '', uri = ''] = metadata(rawHeaders, FORWARDED) ?? [];
  if (!/^https?$/.test(proto) || !HOST.test(host)) return REJECTED;
  return described(method, uri, declaredAudience(target));
}

/** Of nginx and HAProxy: `X-Original-Method`, and `X-Original-URL` with scheme and host; the service as `?audience=`. */
export function originalRequest({ target, rawHeaders }: GatewayQuestion): DescribedRequest {
  const [method = '', url = ''] = metadata(rawHeaders, ORIGINAL) ?? [];
  const [, , host = '', uri = ''] = ABSOLUTE.exec(url) ?? [];
  if (!HOST.test(host)) return REJECTED;
  return described(method, uri, declaredAudience(target));
}

/** Of Envoy: the request itself, its path after `/ext-authz`. The first segment of the path is the service. */
export function extAuthzRequest({ method, target, rawHeaders }: GatewayQuestion): DescribedRequest {
  const [host = ''] = metadata(rawHeaders, ['host']) ?? [];
  if (!HOST.test(host)) return REJECTED;
  const uri = target.replace(/^\/ext-authz/, '');
  return described(method, uri, /^\/([^/?]*)/.exec(uri)?.[1]);
}

/**
 * A path that needs putting in order first is refused, not put in order: dot segments, empty segments, encoded separators. The
 * gateway and the service behind it might put it in another one.
 */
function described(method: string, uri: string, audience: string | undefined): DescribedRequest {
  if (uri === '' || !METHOD.test(method)) return REJECTED;
  if (!isUnambiguousTarget(uri)) return { fault: 'ambiguous_target' };
  if (audience === undefined || !AUDIENCE.test(audience)) return REJECTED;
  return { method, audience };
}

/**
 * The values of the headers with these names, in this order. `undefined` when one is missing or came twice, or when a header is there
 * that somebody behind CGI would take for one: then the gateway has passed on what a client says.
 */
function metadata(rawHeaders: readonly string[], names: readonly string[]) {
  const values = new Map<string, string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (name.includes('_') && METADATA.has(name.replaceAll('_', '-'))) return undefined;
    if (!names.includes(name)) continue;
    if (values.has(name)) return undefined;
    values.set(name, rawHeaders[index + 1] ?? '');
  }
  return values.size === names.length ? names.map((name) => values.get(name) ?? '') : undefined;
}

function declaredAudience(target: string): string | undefined {
  const [, query = ''] = target.split('?', 2);
  const [audience, second] = new URLSearchParams(query).getAll('audience');
  return second === undefined ? audience : undefined;
}
