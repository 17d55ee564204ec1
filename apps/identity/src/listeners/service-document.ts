import type { Type } from '@nestjs/common';
import { isPublicRoute } from '@countersign/nest-auth';
import { z } from 'zod';
import { REFUSALS_OF_A_REQUEST } from '../forward-auth/forward-auth-problems.js';
import { gatewayQuestion } from '../forward-auth/gateway-question.js';
import type { ApiRoute, RouteAccess } from '../openapi/api-route.js';
import { openApiDocument } from '../openapi/openapi-document.js';
import type { OpenApiDocument } from '../openapi/openapi-document.js';
import { routesOf } from '../openapi/routes-of.js';
import { controllersOf, documentRoutes, EVERYWHERE } from './api-outline.js';
import { ALL_PROBLEMS } from './problems.js';
import { ServiceListenerModule } from './service-listener.module.js';

/** The OpenAPI document of the service listener. */
export function serviceDocument(): OpenApiDocument {
  return openApiDocument(
    {
      info: {
        title: 'Countersign service API',
        version: '1',
        description:
          'What relying services and gateways use, on a listener of its own that no gateway routes to. ' +
          EVERYWHERE,
      },
      securitySchemes: {
        service: {
          type: 'http',
          scheme: 'basic',
          description: 'The id and secret of a relying service',
        },
        client: { type: 'http', scheme: 'basic', description: 'Of a registered client' },
      },
      problems: ALL_PROBLEMS,
    },
    [
      ...routesOf(controllersOf(ServiceListenerModule), accessOf).map(withInquirers),
      QUESTION,
      ...ADAPTERS,
      ...documentRoutes(''),
    ],
  );
}

const OF_A_SERVICE = {
  schemes: ['service'],
  roles: [],
  problems: ['client_credentials_rejected'],
} as const satisfies RouteAccess;

/** What `gateway-question.ts` serves beside the controllers. */
const QUESTION: ApiRoute = {
  method: 'post',
  path: '/forward-auth',
  operationId: 'ForwardAuth.ask',
  group: 'forward auth',
  description: {
    summary: 'The access token to send on with a request, or the answer that its client is to get.',
    answers: { 200: z.strictObject({ authorization: z.string().optional() }) },
    problems: REFUSALS_OF_A_REQUEST,
  },
  access: OF_A_SERVICE,
  body: gatewayQuestion,
  headers: [],
};

const declared = z.strictObject({ audience: z.string() });
/** What `forward-auth-routes.ts` serves beside the controllers. */
const ADAPTERS: readonly ApiRoute[] = [
  adapter('get', '/forward-auth', 'Caddy and Traefik', {
    query: declared,
    headers: ['x-forwarded-method', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-uri'],
  }),
  adapter('get', '/auth-request', 'nginx and HAProxy', {
    query: declared,
    headers: ['x-original-method', 'x-original-url'],
  }),
  ...['get', 'head', 'post', 'put', 'patch', 'delete', 'options'].map((method) =>
    adapter(method, '/ext-authz/{target}', 'Envoy', {
      params: z.strictObject({
        target: z.string().describe('The path of the request, all of it: `/` may be in it.'),
      }),
      headers: [],
    }),
  ),
];

function adapter(
  method: string,
  path: string,
  gateways: string,
  reads: Pick<ApiRoute, 'query' | 'params' | 'headers'>,
): ApiRoute {
  return {
    ...reads,
    method,
    path,
    operationId: `forwardAuth.${method}${path.replaceAll(/[/{}]/g, '_')}`,
    group: 'forward auth',
    description: {
      summary: `Whether a request may go on, for ${gateways}: the \`Authorization\` to send on with it, or the answer for its client.`,
      details:
        'For the addresses in `FORWARD_AUTH_PEERS`. Reads `Authorization`, `Cookie`, `Origin`, `Sec-Fetch-Site` and `Upgrade` of the request as they came. ' +
        'A refusal is in the header `Countersign-Problem` too.',
      answers: { 200: null },
      problems: [
        ...REFUSALS_OF_A_REQUEST,
        'metadata_rejected',
        'ambiguous_target',
        // A target that cannot be decoded.
        'bad_request',
        'database_unavailable',
        'unavailable',
      ],
    },
    access: undefined,
    answersAll: true,
  };
}

function accessOf(handler: object, controller: Type): RouteAccess | undefined {
  const isOpen = isPublicRoute({ getHandler: () => handler, getClass: () => controller });
  if (isOpen) return undefined;
  return OF_A_SERVICE;
}

/** Whoever asks about tokens proves who they are inside of the route, which refuses them as an OAuth endpoint does. */
function withInquirers(route: ApiRoute): ApiRoute {
  if (!route.description.oauthErrors) return route;
  return { ...route, access: { schemes: ['service', 'client'], roles: [], problems: [] } };
}
