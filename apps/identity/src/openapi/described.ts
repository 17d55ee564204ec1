import { SetMetadata } from '@nestjs/common';
import type { GeneralProblemCode } from '@countersign/service-host';
import type { z } from 'zod';
import type { DomainErrorCode } from '../platform/domain-error.js';

export type ProblemCode = DomainErrorCode | GeneralProblemCode;

/** The body of an answer: the schema of a JSON document, a media type for text, or `null` when there is none. */
export type AnswerBody = z.ZodType | `text/${string}` | null;

/** What a route says of itself, for people and for the OpenAPI document. */
export interface RouteDescription {
  /** One sentence. */
  readonly summary: string;
  /** What else there is to know. */
  readonly details?: string;
  /** Every status that is no problem, with its body. */
  readonly answers: Readonly<Record<number, AnswerBody>>;
  /** The problems that only its own work leads to. */
  readonly problems?: readonly ProblemCode[];
}

export const DESCRIPTION = Symbol('route description');

/** Describes a route. Tests hold every answer against it. */
export const Described = (description: RouteDescription) => SetMetadata(DESCRIPTION, description);
