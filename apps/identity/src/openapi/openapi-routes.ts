import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OpenApiDocument } from './openapi-document.js';
import { openApiPage, PAGE_POLICY } from './openapi-page.js';

/**
 * Serves the document at `<base>/openapi.json` and as a page at `<base>/docs`, to everybody who reaches the listener: it tells
 * nothing that the source does not, and a browser that follows a link carries no token.
 *
 * @param admit throws what a request is refused with
 */
export function addOpenApiRoutes(
  app: FastifyInstance,
  base: '' | '/auth' | '/operator',
  document: OpenApiDocument,
  admit: (request: FastifyRequest) => Promise<void> = () => Promise.resolve(),
): void {
  const onRequest = admit;
  const json = JSON.stringify(document);
  const page = openApiPage(document);
  app.get(`${base}/openapi.json`, { onRequest }, async (_request, reply) =>
    reply.type('application/json').send(json),
  );
  app.get(`${base}/docs`, { onRequest }, async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', PAGE_POLICY)
      .send(page),
  );
}
