import type { Type } from '@nestjs/common';
import { isPublicRoute } from '@countersign/nest-auth';
import type { RouteAccess } from '../openapi/api-route.js';
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
      },
      problems: ALL_PROBLEMS,
    },
    [...routesOf(controllersOf(ServiceListenerModule), accessOf), ...documentRoutes('')],
  );
}

function accessOf(handler: object, controller: Type): RouteAccess | undefined {
  const isOpen = isPublicRoute({ getHandler: () => handler, getClass: () => controller });
  if (isOpen) return undefined;
  return { schemes: ['service'], roles: [], problems: ['client_credentials_rejected'] };
}
