import type { OpenApiDocument } from '../src/openapi/openapi-document.js';
import { DocumentedAnswers } from './documented-answers.js';

const watched = new Map<string, DocumentedAnswers>();
const pending = new Set<Promise<void>>();
const send = globalThis.fetch;
let isWatching = false;

/** From now on every answer that a test's own `fetch` gets from `origin` is held against `document`. */
export function holdToDocument(origin: string, document: OpenApiDocument): void {
  watched.set(origin, new DocumentedAnswers(document));
  if (isWatching) return;
  isWatching = true;
  globalThis.fetch = async (input, init) => {
    const response = await send(input, init);
    const { origin: to, pathname } = new URL(input instanceof Request ? input.url : input);
    const method = (input instanceof Request ? input.method : init?.method) ?? 'GET';
    const look = watched.get(to)?.lookAt(method, pathname, response);
    if (look) {
      pending.add(look);
      void look.finally(() => pending.delete(look));
    }
    return response;
  };
}

/** @throws {Error} when an answer from `origin` was not as documented; it is not looked at any more */
export async function letGoOf(origin: string): Promise<void> {
  await Promise.all(pending);
  const faults = [...(watched.get(origin)?.faults ?? [])];
  watched.delete(origin);
  if (faults.length > 0) throw new Error(`not as documented:\n${faults.join('\n')}`);
}
