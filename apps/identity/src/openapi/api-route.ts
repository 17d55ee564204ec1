import type { z } from 'zod';
import type { ProblemCode, RouteDescription } from './described.js';

/** What a route asks of its callers before it does anything. */
export interface RouteAccess {
  /** Some of the document's security schemes: any of them does. */
  readonly schemes: readonly string[];
  readonly roles: readonly string[];
  /** How callers without it are refused, and what else may go wrong before the route's own work. */
  readonly problems: readonly ProblemCode[];
}

/** A route with everything that the document tells about it. */
export interface ApiRoute {
  /** In lower case. */
  readonly method: string;
  /** With parameters as `{name}`. */
  readonly path: string;
  /** Unique in the document. */
  readonly operationId: string;
  /** What it is listed under. */
  readonly group: string;
  readonly description: RouteDescription;
  /** `undefined`: open to everybody who reaches the listener. */
  readonly access: RouteAccess | undefined;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** It answers its own problems and none of the framework's. */
  readonly answersAll?: true;
  /** Names of the optional request headers that it reads. */
  readonly headers: readonly string[];
}
