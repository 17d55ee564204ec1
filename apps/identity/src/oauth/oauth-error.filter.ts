import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { reasonOf, toProblemAnswer } from '@countersign/service-host';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../platform/domain-error.js';
import type { DomainErrorCode } from '../platform/domain-error.js';
import { OAUTH_ERRORS, OAuthError } from './oauth-error.js';

/** Answers errors the way OAuth clients read them: `{error, error_description}` (RFC 6749 §5.2). */
@Catch()
export class OAuthErrorFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const { code, description } = toOAuthError(error);
    const status = OAUTH_ERRORS[code];
    const { log } = http.getRequest<FastifyRequest>();
    if (status === 503) log.warn({ code, reason: reasonOf(error) }, 'request turned away');
    else if (status >= 500) log.error({ err: error, code }, 'request failed');
    const reply = http.getResponse<FastifyReply>().status(status);
    if (status === 401) {
      reply.header('www-authenticate', 'Basic realm="countersign", charset="UTF-8"');
    }
    const known = error instanceof DomainError ? error.retryAfterSeconds : undefined;
    const retryAfter = known ?? (status === 503 ? 2 : undefined);
    if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
    void reply
      .type('application/json')
      .send(JSON.stringify({ error: code, error_description: description }));
  }
}

const OUR_FAULT = new OAuthError('server_error', 'something went wrong on our side');
const LATER = new OAuthError('temporarily_unavailable', 'the service cannot answer right now');

/** What of identity's own refusals a client can do something about. */
const OF_DOMAIN: Partial<Record<DomainErrorCode, OAuthError>> = {
  database_unavailable: LATER,
  revocation_in_progress: LATER,
  too_many_attempts: new OAuthError(
    'too_many_attempts',
    'wait for the seconds that Retry-After says',
  ),
  client_disabled: new OAuthError('invalid_client', 'the client is disabled'),
};

function toOAuthError(error: unknown): OAuthError {
  if (error instanceof OAuthError) return error;
  if (error instanceof DomainError) return OF_DOMAIN[error.code] ?? OUR_FAULT;
  const { status, errors = [] } = toProblemAnswer(error).problem;
  if (status >= 500) return OUR_FAULT;
  const faults = errors.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`.trim());
  return new OAuthError('invalid_request', faults.join('; ') || 'the request is not well-formed');
}
