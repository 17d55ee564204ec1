import type { ReceiptsOfRevocation } from '../../relying-services/receipts.js';

/** The wire shape of the receipts of one revocation. */
export function receiptsJson({
  position,
  committedAt,
  allApplied,
  instances,
}: ReceiptsOfRevocation) {
  return {
    ...position,
    committed_at: committedAt,
    status: allApplied ? ('applied' as const) : ('pending' as const),
    instances: instances.map(({ service, instanceId, applied, millis, joinedLater }) => ({
      service,
      instance_id: instanceId,
      applied,
      millis,
      joined_later: joinedLater,
    })),
  };
}
export type ReceiptsJson = ReturnType<typeof receiptsJson>;
