import { z } from 'zod';
import type { ApiRoute } from '../openapi/api-route.js';
import { documentRoutes, openRoute } from './api-outline.js';

const readiness = z.strictObject({
  status: z.enum(['ready', 'not ready']),
  missing: z.array(z.string()),
});

/** What the operator listener offers to everybody who reaches it. */
export const OPEN_ROUTES: readonly ApiRoute[] = [
  openRoute('/health/live', 'live', {
    summary: 'The process answers. Checks nothing outside.',
    answers: { 200: z.strictObject({ status: z.literal('live') }) },
  }),
  openRoute('/health/ready', 'ready', {
    summary: 'Whether it can do its work, and if not, what is missing.',
    answers: { 200: readiness, 503: readiness },
  }),
  openRoute('/metrics', 'metrics', {
    summary: 'Metrics for Prometheus.',
    answers: { 200: 'text/plain' },
  }),
  ...documentRoutes('/operator'),
];
