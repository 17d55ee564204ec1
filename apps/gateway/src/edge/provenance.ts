const NAMES: ReadonlySet<string> = new Set(['origin', 'sec-fetch-site', 'upgrade']);

/** The headers that show where a request comes from, as they came: also twice the same. */
export function provenanceOf(rawHeaders: readonly string[]): (readonly [string, string])[] {
  return rawHeaders.flatMap((given, index) => {
    const name = given.toLowerCase();
    if (index % 2 === 1 || !NAMES.has(name)) return [];
    return [[name, rawHeaders[index + 1] ?? ''] as const];
  });
}
