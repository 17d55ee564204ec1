import type { FastifyReply, FastifyRequest } from 'fastify';

/** It travels to identity's own routes only, so the prefix that demands path `/` cannot be had. */
const COOKIE = '__Secure-countersign-device';
/** For clients without cookies: who sends it, whatever it says, is answered with one. */
const HEADER = 'device-token';

/** What a device holds of ours, as it was sent. Two cookies of the name are as good as none. */
export function heldByDevice({ headers }: Pick<FastifyRequest, 'headers'>): string {
  const header = headers[HEADER];
  if (typeof header === 'string') return header;
  const start = `${COOKIE}=`;
  const cookies = (headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trimStart())
    .filter((pair) => pair.startsWith(start));
  return cookies.length === 1 ? (cookies[0]?.slice(start.length) ?? '') : '';
}

/** Gives a device what it is to hold from now on. Scripts of a page cannot read it. */
export function giveToDevice(reply: FastifyReply, held: string, maxAgeSeconds: number): void {
  if (HEADER in reply.request.headers) {
    reply.header(HEADER, held);
    return;
  }
  reply.header(
    'set-cookie',
    `${COOKIE}=${held}; Path=/auth; HttpOnly; Secure; SameSite=Strict; Max-Age=${String(maxAgeSeconds)}`,
  );
}
