import { SetMetadata } from '@nestjs/common';
import type { CustomDecorator } from '@nestjs/common';
import type { StaleRevocations } from '@countersign/token-verifier';
import { isOpenedBy, oncePerRoute } from './once-per-route.js';

/** Metadata key of {@link AllowStaleRevocations}; `true` where it stands. */
export const STALE_REVOCATIONS = 'countersign:stale-revocations';

/**
 * Keeps a route, or all routes of this very controller, open when revocations are older than the hard limit: known ones still count,
 * and every token accepted so is counted as `accepted_stale`. For reads that must go on; without it the answer is 503.
 */
export function AllowStaleRevocations(): CustomDecorator {
  return SetMetadata(STALE_REVOCATIONS, true);
}

/** What the route of `context` has declared. */
export const staleRevocationsOf = oncePerRoute((handler, controller): StaleRevocations =>
  isOpenedBy(STALE_REVOCATIONS, handler) || isOpenedBy(STALE_REVOCATIONS, controller)
    ? 'open'
    : 'closed',
);

const declaredOpen = new WeakSet<object>();

/** Notes for a request what its route has declared: passport hands nothing of the route on to a key provider. */
export function noteStaleRevocations(request: object, declared: StaleRevocations): void {
  if (declared === 'open') declaredOpen.add(request);
}

/** What the route of a request has declared; `closed` where no guard of ours has noted anything. */
export function staleRevocationsFor(request: object): StaleRevocations {
  return declaredOpen.has(request) ? 'open' : 'closed';
}
