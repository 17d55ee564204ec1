import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { followRevocations, sendSnapshotPage } from './revocation-feed.js';
import type { TestKeys } from './test-keys.js';
import type { TestRevocations } from './test-revocations.js';

/** A check-in as it came over the wire. */
export interface TestCheckIn {
  readonly instance_id: string;
  readonly kids: readonly string[];
  readonly applied?: { readonly epoch: number; readonly seq: number };
  readonly proof?: string;
  readonly hard_staleness_seconds?: number;
  readonly goodbye?: boolean;
}

/** What the server serves from. */
export interface IssuerParts {
  readonly issuer: () => string;
  readonly origin: () => string;
  readonly keys: TestKeys;
  readonly revocations: TestRevocations;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
  readonly checkIns: TestCheckIn[];
  /** How to end each open feed. */
  readonly feeds: Set<() => void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => unknown;

/** The service listener of identity, as far as a relying service sees it. Not yet listening. */
export function createIssuerServer(parts: IssuerParts): Server {
  const open: Record<string, Handler> = {
    'GET /.well-known/oauth-authorization-server': (_, response) =>
      sendJson(response, 200, metadata(parts.issuer(), parts.origin())),
    'GET /.well-known/jwks.json': (_, response) => sendJson(response, 200, parts.keys.document()),
  };
  const forClients: Record<string, Handler> = {
    'GET /revocations': (_, response, url) => sendSnapshotPage(parts.revocations, url, response),
    'GET /revocations/feed': (request, response) => {
      const end = followRevocations(parts.revocations, request, response);
      parts.feeds.add(end);
      response.once('close', () => parts.feeds.delete(end));
    },
    'POST /relying-services/check-in': async (request, response) => {
      parts.checkIns.push((await json(request)) as TestCheckIn);
      const { epoch, head } = parts.revocations;
      sendJson(response, 200, { epoch, head });
    },
  };
  const authorization = basicAuthorization(parts.credentials);
  return createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://test-issuer.invalid');
    const route = `${request.method ?? ''} ${url.pathname}`;
    const handler = open[route] ?? forClients[route];
    if (!handler) {
      sendJson(response, 404, { error: 'not_found' });
    } else if (route in forClients && request.headers.authorization !== authorization) {
      sendJson(response, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' });
    } else {
      void handler(request, response, url);
    }
  });
}

/** The metadata of the service listener (RFC 8414 §2) with the three endpoints for relying services. */
function metadata(issuer: string, origin: string): object {
  return {
    issuer,
    jwks_uri: `${origin}/.well-known/jwks.json`,
    revocation_snapshot_endpoint: `${origin}/revocations`,
    revocation_feed_endpoint: `${origin}/revocations/feed`,
    check_in_endpoint: `${origin}/relying-services/check-in`,
  };
}

function basicAuthorization({ clientId, clientSecret }: IssuerParts['credentials']): string {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
