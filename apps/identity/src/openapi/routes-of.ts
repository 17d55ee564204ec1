import { RequestMethod } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { z } from 'zod';
import type { ApiRoute, RouteAccess } from './api-route.js';
import { DESCRIPTION } from './described.js';
import type { RouteDescription } from './described.js';

/** One parameter of a handler as Nest notes it; the key of the note is `<kind>:<index>`. */
interface NotedParameter {
  readonly data?: unknown;
  readonly schema?: z.ZodType;
}

/**
 * Reads the routes of controllers from what their decorators note.
 *
 * @param accessOf what a handler asks of its callers
 * @throws {TypeError} for a route without a description
 */
export function routesOf(
  controllers: readonly Type[],
  accessOf: (handler: object, controller: Type) => RouteAccess | undefined,
): ApiRoute[] {
  return controllers.flatMap((controller) => {
    const prototype = controller.prototype as Record<string, object>;
    const base = Reflect.getMetadata(PATH_METADATA, controller) as string;
    return Object.getOwnPropertyNames(prototype).flatMap((name): ApiRoute[] => {
      const handler = prototype[name] ?? prototype;
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (method === undefined) return [];
      const called = `${controller.name}.${name}`;
      const description = Reflect.getMetadata(DESCRIPTION, handler) as RouteDescription | undefined;
      if (!description) throw new TypeError(`${called} is not described`);
      const path = joined(base, Reflect.getMetadata(PATH_METADATA, handler) as string);
      return [
        {
          method: RequestMethod[method].toLowerCase(),
          path,
          operationId: called.replace('Controller', ''),
          group: groupOf(controller),
          description,
          access: accessOf(handler, controller),
          ...parametersOf(controller, name),
        },
      ];
    });
  });
}

/** `OperatorSigningKeysController` is `signing keys`. */
function groupOf({ name }: Type): string {
  return name
    .replace(/^Operator|Controller$/g, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
}

function joined(base: string, path: string): string {
  const whole = `/${base}/${path}`.replace(/\/+/g, '/').replace(/\/$/, '');
  return whole.replace(/:(\w+)/g, '{$1}');
}

function parametersOf(
  controller: Type,
  name: string,
): Pick<ApiRoute, 'params' | 'query' | 'body' | 'headers'> {
  const noted = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Readonly<
    Record<string, NotedParameter>
  >;
  const ofKind = (kind: RouteParamtypes) =>
    Object.entries(noted)
      .filter(([key]) => key.startsWith(`${String(kind)}:`))
      .map(([, parameter]) => parameter);
  const schemaOf = (kind: RouteParamtypes) => ofKind(kind)[0]?.schema;
  const [params, query, body] = [
    schemaOf(RouteParamtypes.PARAM),
    schemaOf(RouteParamtypes.QUERY),
    schemaOf(RouteParamtypes.BODY),
  ];
  return {
    ...(params && { params }),
    ...(query && { query }),
    ...(body && { body }),
    headers: ofKind(RouteParamtypes.HEADERS).map(({ data }) => String(data)),
  };
}
