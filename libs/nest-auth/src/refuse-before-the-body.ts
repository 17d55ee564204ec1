import {
  answerToUnusableCredentials,
  needsSameOrigin,
  readRequestCredentials,
} from '@countersign/token-verifier';
import type { CookiePolicy, RequestHead } from '@countersign/token-verifier';
import { Refusal } from './refusal.js';

/** The part of a Fastify instance that is used here; the package does not depend on it. */
interface Fastify {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: RequestHead },
      reply: { headers(values: Readonly<Record<string, string>>): unknown },
      done: (error?: Error) => void,
    ) => void,
  ): unknown;
}

/**
 * Refuses a cookie on what another site could have caused before the body is read, on every route: Fastify looks at a body before
 * any guard, and would say that it cannot read a form. Express leaves it to the guards, which say the same.
 */
export function refuseBeforeTheBody(
  adapter: { getType(): string; getInstance(): unknown } | undefined,
  cookies: CookiePolicy,
): void {
  if (adapter?.getType() !== 'fastify') return;
  (adapter.getInstance() as Fastify).addHook('onRequest', ({ raw }, reply, done) => {
    const given = needsSameOrigin(raw) ? readRequestCredentials(raw, cookies) : undefined;
    if (!given || !('missing' in given) || given.missing !== 'origin_required') {
      done();
      return;
    }
    const refusal = new Refusal(answerToUnusableCredentials(given.missing));
    reply.headers(refusal.answer.headers);
    done(refusal);
  });
}
