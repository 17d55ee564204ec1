import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { allowTrustedOrigins } from '@countersign/service-host';
import {
  answerToUnusableCredentials,
  needsSameOrigin,
  readRequestCredentials,
} from '@countersign/token-verifier';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OwnCookies } from '../sessions/delivery/own-cookies.js';

const BELOW = '/auth/';
/** What a page of anybody's can send without asking (Fetch, CORS-safelisted): as its forms do. */
const FORM = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/i;

/**
 * Which pages may use `/auth/*`: those of trusted origins may ask and read, and whatever another site could have caused is refused
 * before its body is read.
 */
export function guardAgainstOtherPages(
  app: NestFastifyApplication,
  cookies: OwnCookies,
  trustedOrigins: readonly string[],
): void {
  const instance: FastifyInstance = app.getHttpAdapter().getInstance();
  allowTrustedOrigins(instance, {
    origins: trustedOrigins,
    below: BELOW,
    methods: 'GET, POST, DELETE',
    requestHeaders: 'authorization, content-type, device-token, prefer',
    answerHeaders: 'device-token, preference-applied, retry-after, www-authenticate, x-request-id',
  });
  instance.addHook('onRequest', (request, reply, done) => {
    // The route's own spelling: a path may be written in many ways.
    const path = request.routeOptions.url ?? request.url;
    if (!path.startsWith(BELOW) || !mayBeOfAnotherPage(request, cookies)) {
      done();
      return;
    }
    const { status, headers, problem } = answerToUnusableCredentials('origin_required');
    void reply.status(status).headers(headers).send(JSON.stringify(problem));
  });
}

/** A cookie of ours on what changes something, or a form, without a sign that a page of ours has sent it. */
function mayBeOfAnotherPage({ method, raw }: FastifyRequest, cookies: OwnCookies): boolean {
  const { rawHeaders, headers } = raw;
  if (!needsSameOrigin({ method, rawHeaders }) || cookies.isFromHere(rawHeaders)) return false;
  // No other program says these, and of a form nobody can read what it asks for.
  const isOfBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  if (isOfBrowser && FORM.test(headers['content-type'] ?? '')) return true;
  return [cookies.credentials, cookies.refresh].some((policy) => {
    const given = readRequestCredentials({ method, rawHeaders }, policy);
    return 'missing' in given && given.missing === 'origin_required';
  });
}
