import type {
  OpenApiDocument,
  Operation,
} from '../../apps/identity/src/openapi/openapi-document.js';
import { expectStatus } from '../stack.js';
import type { Stack } from '../stack.js';

/** A route that identity describes, on the listener that has it. */
export interface Route {
  readonly listener: 'public' | 'service' | 'operator';
  readonly method: string;
  /** With `{name}` for each parameter. */
  readonly path: string;
  readonly operation: Operation;
}

const DOCUMENTS = {
  public: '/auth/openapi.json',
  service: '/openapi.json',
  operator: '/operator/openapi.json',
} as const;

/** Every route of identity, as its listeners describe themselves: one that is added comes along by itself. */
export async function routesOfIdentity(stack: Stack): Promise<Route[]> {
  const listeners = Object.entries(DOCUMENTS) as [Route['listener'], string][];
  const all = await Promise.all(
    listeners.map(async ([listener, at]) => {
      const answer = await expectStatus(200, fetch(stack.url(listener, at)));
      const { paths } = (await answer.json()) as OpenApiDocument;
      return Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => ({
          listener,
          method: method.toUpperCase(),
          path,
          operation,
        })),
      );
    }),
  );
  return all.flat();
}

export const nameOf = ({ listener, method, path }: Route) => `${listener} ${method} ${path}`;

/** Asks a route with these headers. A body that is not given is an empty one of the type that the route takes. */
export function askRoute(
  stack: Stack,
  { listener, method, path, operation }: Route,
  headers: Readonly<Record<string, string>>,
  { id = 'f5d2c1b0-0000-4000-8000-000000000000', body }: { id?: string; body?: unknown } = {},
): Promise<Response> {
  const url = stack.url(listener, path.replace(/\{\w+\}/g, encodeURIComponent(id)));
  const types = Object.keys(operation.requestBody?.content ?? {});
  const isForm = types[0]?.endsWith('urlencoded') ?? false;
  if (method === 'GET' || (types.length === 0 && body === undefined))
    return fetch(url, { method, headers });
  const form = 'grant_type=client_credentials&token=x';
  return fetch(url, {
    method,
    headers: { 'content-type': isForm ? types[0]! : 'application/json', ...headers },
    body: isForm ? form : JSON.stringify(body ?? {}),
  });
}
