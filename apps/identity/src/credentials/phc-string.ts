/** How a hash was made. */
export interface Argon2Parameters {
  readonly memoryKiB: number;
  readonly passes: number;
}

/**
 * Whether a stored hash (a PHC string) was made another way than hashes are made now. One that cannot be read was.
 *
 * @param hash `$argon2id$v=19$m=<KiB>,t=<passes>,p=1$<salt>$<hash>`
 */
export function isOutdated(hash: string, { memoryKiB, passes }: Argon2Parameters): boolean {
  return !hash.startsWith(`$argon2id$v=19$m=${String(memoryKiB)},t=${String(passes)},p=1$`);
}
