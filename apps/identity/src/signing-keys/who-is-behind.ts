import type { HeldKeysReading } from '../relying-services/held-keys.js';

/** What is known of who holds which key. */
export type KeyReports = Omit<HeldKeysReading, 'ran'>;

/** An instance that has not reported a key. */
export interface Behind {
  readonly service: string;
  readonly instanceId: string;
  /** It has not been heard of for so long that it is not counted on any more, and it never said goodbye. */
  readonly silent: boolean;
}

/**
 * Who has not reported `kid`. Also who fell silent since the key was prepared: it may be cut off, go on for a while, and come
 * back with the keys that it had.
 *
 * @param preparedAt, now seconds on the clock of check-ins
 */
export function whoIsBehind(
  { kid, preparedAt }: { readonly kid: string; readonly preparedAt: number },
  { instances }: KeyReports,
  now: number,
): Behind[] {
  return instances
    .filter(({ countedUntil, kids }) => countedUntil >= preparedAt && !kids.includes(kid))
    .map(({ service, instanceId, countedUntil }) => ({
      service,
      instanceId,
      silent: countedUntil < now,
    }));
}

/** Whether the reports are those of everybody: nobody being live is not everybody agreeing. */
export function speakForEverybody({ instances, complete }: KeyReports, now: number): boolean {
  return complete && instances.some(({ countedUntil }) => countedUntil >= now);
}
