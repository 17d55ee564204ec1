import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { isPublicRoute } from '@countersign/nest-auth';
import { LIMITED_ROUTES, UNLIMITED_ROUTES } from '../guessing/limited-routes.js';
import { PublicListenerModule } from './public-listener.module.js';

interface Route {
  readonly name: string;
  readonly isPublic: boolean;
}

function routesOf(controller: { readonly prototype: object }): Route[] {
  const base = Reflect.getMetadata(PATH_METADATA, controller) as string;
  return Object.getOwnPropertyNames(controller.prototype).flatMap((member) => {
    const handler = (controller.prototype as Record<string, object>)[member]!;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const path = Reflect.getMetadata(PATH_METADATA, handler) as string;
    const isPublic = isPublicRoute({ getHandler: () => handler, getClass: () => controller });
    return [
      {
        name: `${RequestMethod[method]} ${`/${base}/${path}`.replace(/\/+/g, '/').replace(/\/$/, '')}`,
        isPublic,
      },
    ];
  });
}

const controllers = Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, PublicListenerModule) as {
  readonly prototype: object;
}[];
const routes = controllers.flatMap(routesOf);

it('every route that is open to everybody has a limit, or says why it needs none', () => {
  const open = routes.filter(({ isPublic }) => isPublic).map(({ name }) => name);
  expect(open).toContain('POST /auth/login');
  expect(
    open.filter((name) => !(name in LIMITED_ROUTES) && !UNLIMITED_ROUTES.includes(name)),
  ).toEqual([]);
});

it('every limit is that of a route', () => {
  const names = routes.map(({ name }) => name);
  expect(
    [...Object.keys(LIMITED_ROUTES), ...UNLIMITED_ROUTES].filter((name) => !names.includes(name)),
  ).toEqual([]);
});
