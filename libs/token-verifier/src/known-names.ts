/**
 * Refuses a name that nobody knows: what it was meant to say would silently not be so.
 *
 * @param owner what the names belong to, for the message
 * @throws {TypeError} that names it
 */
export function requireKnownNames(owner: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`${owner} knows no "${unknown}", only ${known.join(', ')}`);
}
