/** A master key as the database knows it. */
export interface KnownMasterKey {
  readonly id: string;
  /** Whether something is, or may be, sealed under it. */
  readonly seals: boolean;
}

/** A running replica of identity, and the master keys that it has. */
export interface MasterKeyHolder {
  readonly name: string;
  readonly sealsWith: string;
  readonly opens: readonly string[];
}

/** Master keys that must not be used now. The message lists every reason; nothing has been changed. */
export class MasterKeysOutOfOrder extends Error {
  override readonly name = 'MasterKeysOutOfOrder';

  constructor(readonly faults: readonly string[]) {
    super(faults.join('\n'));
  }
}

/** What the order of a change protects: nobody ever meets a secret that they cannot open. */
const ORDER =
  'first add it as a further line for every replica and restart them, then make it the first line, then rotate, and only then ' +
  'take the old one away';

/**
 * Why nothing may be sealed with these master keys. Pure.
 *
 * @param given the ids, the one that seals first
 * @param others the running replicas, without the one that asks
 */
export function refuseToSeal(
  given: readonly string[],
  known: readonly KnownMasterKey[],
  others: readonly MasterKeyHolder[],
): string[] {
  const [current = ''] = given;
  const missing = known.filter(({ id, seals }) => seals && !given.includes(id));
  const newHere = !known.some(({ id, seals }) => seals && id === current);
  return [
    ...missing.map(
      ({ id }) => `the master key "${id}" is missing: secrets in the database are sealed under it`,
    ),
    ...(newHere ? others.filter(({ opens }) => !opens.includes(current)) : []).map(
      ({ name }) =>
        `the master key "${current}" cannot be the first line yet: ${name} does not have it. To change the master key, ${ORDER}. ` +
        'A replica that was killed counts for another minute',
    ),
  ];
}

/** Why secrets may not be sealed anew under the first of these master keys. Pure. */
export function refuseToRotate(
  given: readonly string[],
  known: readonly KnownMasterKey[],
  replicas: readonly MasterKeyHolder[],
): string[] {
  const [current = ''] = given;
  return [
    ...refuseToSeal(given, known, replicas),
    ...replicas
      .filter(({ opens, sealsWith }) => opens.includes(current) && sealsWith !== current)
      .map(
        ({ name, sealsWith }) =>
          `${name} still seals under "${sealsWith}": make "${current}" the first line there too, and restart it`,
      ),
  ];
}
