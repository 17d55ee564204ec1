import { z } from 'zod';
import type { ApiRoute } from '../openapi/api-route.js';
import type { RouteDescription } from '../openapi/described.js';

const readiness = z.strictObject({
  status: z.enum(['ready', 'not ready']),
  missing: z.array(z.string()),
});

/** What the operator listener offers to everybody who reaches it. */
export const OPEN_ROUTES: readonly ApiRoute[] = [
  open('/health/live', 'live', {
    summary: 'The process answers. Checks nothing outside.',
    answers: { 200: z.strictObject({ status: z.literal('live') }) },
  }),
  open('/health/ready', 'ready', {
    summary: 'Whether it can do its work, and if not, what is missing.',
    answers: { 200: readiness, 503: readiness },
  }),
  open('/metrics', 'metrics', {
    summary: 'Metrics for Prometheus.',
    answers: { 200: 'text/plain' },
  }),
  open('/operator/openapi.json', 'openApiDocument', {
    summary: 'This document.',
    answers: { 200: z.looseObject({ openapi: z.string() }) },
  }),
  open('/operator/docs', 'openApiPage', {
    summary: 'This document as a page.',
    answers: { 200: 'text/html' },
  }),
];

function open(path: string, operationId: string, description: RouteDescription): ApiRoute {
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
