import { z } from 'zod';
import type { ClientOverview } from '../client-overview.js';
import { instant } from './answer-schemas.js';
import { numericDate } from './shared-input.js';

export const clientAnswer = z.strictObject({
  id: z.string(),
  kind: z.enum(['public', 'confidential']),
  audiences: z.array(z.string()),
  scopes: z.array(z.string()),
  created_at: instant,
  disabled_at: instant.nullable(),
  secrets_added_at: z.array(instant).describe('One per valid secret, the oldest first'),
  unclaimed_audiences: z
    .array(z.string())
    .describe('Audiences that no relying service has: their tokens are accepted nowhere'),
});

/** The wire shape of a client. */
export function clientJson(client: ClientOverview) {
  return {
    id: client.id,
    kind: client.kind,
    audiences: client.audiences,
    scopes: client.scopes,
    created_at: numericDate(client.createdAt),
    disabled_at: numericDate(client.disabledAt),
    secrets_added_at: client.secretsAddedAt.map(numericDate),
    unclaimed_audiences: client.unclaimedAudiences,
  };
}
