/**
 * Tokens of one issuer say much the same. These give an equal value of the token before in place of a new one, so that
 * thousands of remembered tokens share what they have in common. Each holds one value, which need not have been verified.
 */

/** Shares texts. */
export function shareTexts(): (text: string) => string {
  let latest = '';
  return (text) => (text === latest ? latest : (latest = text));
}

/** Shares lists of texts, frozen. Gives `undefined` for anything else. */
export function shareLists(): (value: unknown) => readonly string[] | undefined {
  let latest: readonly string[] = Object.freeze([]);
  return (value) => {
    if (value === latest) return latest;
    if (!isTextList(value)) return undefined;
    return isEqual(value, latest) ? latest : (latest = Object.freeze(value));
  };
}

/** Shares the frozen lists that texts give when they are split at spaces. */
export function shareSplit(): (text: string) => readonly string[] {
  let latest = '';
  let list: readonly string[] = Object.freeze(['']);
  return (text) => {
    if (text !== latest) {
      latest = text;
      list = Object.freeze(text.split(' '));
    }
    return list;
  };
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
