import type { Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { z } from 'zod';
import type { ApiRoute } from '../openapi/api-route.js';
import type { RouteDescription } from '../openapi/described.js';

/** What holds for each API of identity. */
export const EVERYWHERE =
  'Instants are NumericDate: seconds since 1970. Members may be added to answers. Whatever is refused is answered by a problem ' +
  'document with a stable `code`. Beside what an operation names, any request may be refused before it is looked at as one of it: 400 ' +
  '`bad_request`, 408 `request_timeout`, 431 `headers_too_large`. One that is of no operation is answered 404 `not_found`, or for its ' +
  'body 400 `invalid_json`, 413 `body_too_large`, 415 `unsupported_media_type`.';

/** What a listener's module offers. */
export function controllersOf(listener: Type): Type[] {
  return Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, listener) as Type[];
}

/** A GET route without a controller, open to everybody who reaches the listener. */
export function openRoute(
  path: string,
  operationId: string,
  description: RouteDescription,
): ApiRoute {
  return {
    method: 'get',
    path,
    operationId,
    group: 'open',
    description,
    access: undefined,
    headers: [],
  };
}

/** Where a listener describes itself. */
export function documentRoutes(base: string): readonly ApiRoute[] {
  return [
    openRoute(`${base}/openapi.json`, 'openApiDocument', {
      summary: 'This document.',
      answers: { 200: z.looseObject({ openapi: z.string() }) },
    }),
    openRoute(`${base}/docs`, 'openApiPage', {
      summary: 'This document as a page.',
      answers: { 200: 'text/html' },
    }),
  ];
}
