/**
 * The values of one header as they arrived. Takes names and values in turn (`rawHeaders` of `node:http`): a parsed object has
 * already lost a second `Authorization`, and does not tell one `Cookie` header from two.
 *
 * @param name lower-case
 */
export function rawHeaderValues(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_, index) => {
    if (index % 2 === 0) return false;
    const given = rawHeaders[index - 1];
    return given?.length === name.length && given.toLowerCase() === name;
  });
}
