import type { Type } from '@nestjs/common';
import { isPublicRoute } from '@countersign/nest-auth';
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
      ...documentRoutes(''),
    ],
  );
}

function accessOf(handler: object, controller: Type): RouteAccess | undefined {
  const isOpen = isPublicRoute({ getHandler: () => handler, getClass: () => controller });
  if (isOpen) return undefined;
  return { schemes: ['service'], roles: [], problems: ['client_credentials_rejected'] };
}

/** Whoever asks about tokens proves who they are inside of the route, which refuses them as an OAuth endpoint does. */
function withInquirers(route: ApiRoute): ApiRoute {
  if (!route.description.oauthErrors) return route;
  return { ...route, access: { schemes: ['service', 'client'], roles: [], problems: [] } };
}
