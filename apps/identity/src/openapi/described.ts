import { SetMetadata } from '@nestjs/common';
import type { GeneralProblemCode } from '@countersign/service-host';
import type { RefusalCode, RejectionCode, UnavailabilityCode } from '@countersign/token-verifier';
import type { z } from 'zod';
import type { DomainErrorCode } from '../platform/domain-error.js';

export type ProblemCode =
  | DomainErrorCode
  | GeneralProblemCode
  | RefusalCode
  | RejectionCode
  | UnavailabilityCode
  // Of forward auth.
  | 'metadata_rejected'
  | 'ambiguous_target';

/**
 * The body of an answer: the schema of a JSON document, one under a media type of its own, the media type of something that is no
 * JSON document, or `null` when there is none.
 */
export type AnswerBody =
  | z.ZodType
  | { readonly type: `application/${string}json`; readonly schema: z.ZodType }
  | 'text/plain'
  | 'text/html'
  | 'text/event-stream'
  | 'application/x-ndjson'
  | null;

/** What a route says of itself, for people and for the OpenAPI document. */
export interface RouteDescription {
  /** One sentence. */
  readonly summary: string;
  /** What else there is to know. */
  readonly details?: string;
  /** The members of a body that is a form (`application/x-www-form-urlencoded`). */
  readonly form?: z.ZodType;
  /** Every status that is no problem, with its body. */
  readonly answers: Readonly<Record<number, AnswerBody>>;
  /** The problems that only its own work leads to. */
  readonly problems?: readonly ProblemCode[];
  /** For routes that answer as OAuth clients read it (RFC 6749 §5.2): status by `error`. */
  readonly oauthErrors?: Readonly<Record<string, number>>;
}

export const DESCRIPTION = Symbol('route description');

/** Describes a route. Tests hold every answer against it. */
export const Described = (description: RouteDescription) => SetMetadata(DESCRIPTION, description);
