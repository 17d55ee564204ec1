import 'reflect-metadata';
import {
  COUNTED_ROUTES,
  DESCRIPTION_ROUTES,
  LIMITED_ROUTES,
  UNLIMITED_ROUTES,
} from '../guessing/limited-routes.js';
import { publicDocument } from './public-document.js';

/** Every route of the public listener, as Fastify names it; a test of the stack holds the document to what is there. */
const routes = Object.entries(publicDocument().paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, { security }]) => ({
    name: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    isBehindSession: security.some((scheme) => 'access_token' in scheme),
  })),
);
const names = routes.map(({ name }) => name);

it('every route has a limit, or says why it needs none', () => {
  expect(names).toContain('POST /auth/login');
  expect(
    names.filter(
      (name) =>
        !(name in LIMITED_ROUTES) && !COUNTED_ROUTES.has(name) && !UNLIMITED_ROUTES.has(name),
    ),
  ).toEqual([]);
});

it('requests are counted on every route behind a session, and on no other', () => {
  const behind = routes.filter(({ isBehindSession }) => isBehindSession).map(({ name }) => name);
  // But for the description of the API, which is long.
  expect([...COUNTED_ROUTES].sort()).toEqual([...behind, ...DESCRIPTION_ROUTES].sort());
});

it('every limit is that of a route', () => {
  expect(
    [...Object.keys(LIMITED_ROUTES), ...UNLIMITED_ROUTES].filter((name) => !names.includes(name)),
  ).toEqual([]);
});
