import type { OperatorRole } from '../operators/operator.js';
import { REQUIRED_ROLE } from '../operators/require-role.js';
import type { RouteAccess } from '../openapi/api-route.js';
import { openApiDocument } from '../openapi/openapi-document.js';
import type { OpenApiDocument } from '../openapi/openapi-document.js';
import { routesOf } from '../openapi/routes-of.js';
import { controllersOf, EVERYWHERE } from './api-outline.js';
import { OperatorListenerModule } from './operator-listener.module.js';
import { OPEN_ROUTES } from './operator-open-routes.js';
import { ALL_PROBLEMS } from './problems.js';

/** The OpenAPI document of the operator listener. */
export function operatorDocument(): OpenApiDocument {
  return openApiDocument(
    {
      info: {
        title: 'Countersign operator API',
        version: '1',
        description:
          'What operators do, on a listener of its own that no gateway routes to. ' + EVERYWHERE,
      },
      securitySchemes: {
        operator: {
          type: 'http',
          scheme: 'bearer',
          description:
            'The token of a named operator (`countersign operators add`). A route names the role that it needs; a role ' +
            'gives what it names and nothing else.',
        },
      },
      problems: ALL_PROBLEMS,
    },
    [...routesOf(controllersOf(OperatorListenerModule), accessOf), ...OPEN_ROUTES],
  );
}

function accessOf(handler: object): RouteAccess {
  const role = Reflect.getMetadata(REQUIRED_ROLE, handler) as OperatorRole | undefined;
  return {
    schemes: ['operator'],
    roles: role === undefined ? [] : [role],
    problems: ['operator_token_rejected', 'operator_role_missing'],
  };
}
