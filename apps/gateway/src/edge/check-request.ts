import { isUnambiguousTarget } from '@countersign/service-host';
import { answerToUnusableCredentials, readBearerCredentials } from '@countersign/token-verifier';
import type { FastifyRequest } from 'fastify';
import { EDGE_ANSWERS } from './answers.js';
import type { EdgeAnswer } from './answers.js';

/** Why a request goes nowhere, whatever its route; `undefined` when there is no reason. */
export function faultOfRequest({ raw }: FastifyRequest): EdgeAnswer | undefined {
  if (!isUnambiguousTarget(raw.url ?? '')) return EDGE_ANSWERS.ambiguousTarget;
  // Other upgrades, such as h2c, are offers that a server may ignore (RFC 9110 §7.8).
  if (/\bwebsocket\b/i.test(raw.headers.upgrade ?? '')) return EDGE_ANSWERS.upgradeRefused;
  const credentials = readBearerCredentials(raw.rawHeaders);
  // Also for identity, which would see only the first of two.
  if ('missing' in credentials && credentials.missing === 'multiple_credentials') {
    return answerToUnusableCredentials(credentials.missing);
  }
  return undefined;
}
