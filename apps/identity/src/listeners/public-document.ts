import type { Type } from '@nestjs/common';
import { isPublicRoute } from '@countersign/nest-auth';
import { REJECTION_CODES, UNAVAILABILITY_CODES } from '@countersign/token-verifier';
import { COUNTED_ROUTES, LIMITED_ROUTES } from '../guessing/limited-routes.js';
import type { ApiRoute, RouteAccess } from '../openapi/api-route.js';
import { openApiDocument } from '../openapi/openapi-document.js';
import type { OpenApiDocument } from '../openapi/openapi-document.js';
import { routesOf } from '../openapi/routes-of.js';
import { ACCESS, OPAQUE } from '../sessions/delivery/cookies.js';
import { controllersOf, documentRoutes, EVERYWHERE } from './api-outline.js';
import { ALL_PROBLEMS } from './problems.js';
import { PublicListenerModule } from './public-listener.module.js';

const SIGNED_IN: RouteAccess = {
  schemes: ['access_token', 'access_cookie', 'session_cookie'],
  roles: [],
  problems: [
    'credentials_required',
    'malformed_credentials',
    'multiple_credentials',
    'origin_required',
    ...REJECTION_CODES,
    'session_ended',
    ...UNAVAILABILITY_CODES,
  ],
};

/** The OpenAPI document of the public listener. */
export function publicDocument(): OpenApiDocument {
  const routes = routesOf(controllersOf(PublicListenerModule), accessOf).map(withHooks);
  return openApiDocument(
    {
      info: {
        title: 'Countersign API',
        version: '1',
        description:
          'Accounts, sessions and tokens, for front ends, mobile apps, command lines and services. Cookies count for a request ' +
          'that changes something only when it comes from an origin of ours or a trusted one. ' +
          EVERYWHERE,
      },
      securitySchemes: {
        access_token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        access_cookie: { type: 'apiKey', in: 'cookie', name: ACCESS.name },
        session_cookie: { type: 'apiKey', in: 'cookie', name: OPAQUE.name },
        client: { type: 'http', scheme: 'basic', description: 'Of a registered client' },
      },
      problems: ALL_PROBLEMS,
    },
    [...routes, ...documentRoutes('/auth').map(withHooks)],
  );
}

function accessOf(handler: object, controller: Type): RouteAccess | undefined {
  const isOpen = isPublicRoute({ getHandler: () => handler, getClass: () => controller });
  return isOpen ? undefined : SIGNED_IN;
}

/**
 * What is limited may be tried too often, and what changes something may be asked by another page. OAuth clients are no pages, and are
 * told of limits in their own words.
 */
function withHooks(route: ApiRoute): ApiRoute {
  const { description, method, path } = route;
  if (description.oauthErrors) return { ...route, access: CLIENT };
  const problems = new Set(description.problems);
  if (method !== 'get') problems.add('origin_required');
  const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
  if (name in LIMITED_ROUTES || COUNTED_ROUTES.has(name)) problems.add('too_many_attempts');
  return { ...route, description: { ...description, problems: [...problems] } };
}

/** Clients prove who they are inside of the route: it refuses them as an OAuth endpoint does. */
const CLIENT: RouteAccess = { schemes: ['client'], roles: [], problems: [] };
