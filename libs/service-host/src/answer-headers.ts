import type { FastifyInstance } from 'fastify';

/**
 * What browsers and caches are told of an answer: it is what its type says, it may load nothing and stand in no frame, its address
 * is told to nobody, and no cache keeps it, since it may hold tokens or personal data (RFC 9111 §5.2.2.5).
 */
export const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** A service behind a gateway may answer with pages, which say themselves what they load. */
const PAGES = /^(text\/html|application\/xhtml\+xml|image\/svg\+xml)\b/i;

/** Puts {@link ANSWER_HEADERS} on every answer, but for those that say otherwise themselves. */
export function protectAnswers(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    const isPage = PAGES.test(String(reply.getHeader('content-type')));
    for (const [name, value] of Object.entries(ANSWER_HEADERS)) {
      if (reply.hasHeader(name) || (isPage && name === 'content-security-policy')) continue;
      reply.header(name, value);
    }
    done(null, payload);
  });
}
