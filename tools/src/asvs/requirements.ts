/** OWASP ASVS 5.0.0, chapters V6, V7 and V9: the requirements of each section, with the level from which each applies. */
const SECTIONS: Readonly<Record<string, readonly number[]>> = {
  '6.1': [1, 2, 2],
  '6.2': [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2],
  '6.3': [1, 1, 2, 2],
  '6.4': [1, 1, 2, 2],
  '6.5': [2, 2, 2, 2, 2],
  '6.6': [2, 2, 2],
  '6.8': [2, 2, 2, 2],
  '7.1': [2, 2, 2],
  '7.2': [1, 1, 1, 1],
  '7.3': [2, 2],
  '7.4': [1, 1, 2, 2, 2],
  '7.5': [2, 2],
  '7.6': [2, 2],
  '9.1': [1, 1, 1],
  '9.2': [1, 2, 2, 2],
};

/** Those of levels 1 and 2: id and level. What they ask is in OWASP's words elsewhere, and in ours in the page. */
export const REQUIREMENTS: ReadonlyMap<string, number> = new Map(
  Object.entries(SECTIONS).flatMap(([section, levels]) =>
    levels.map((level, index) => [`${section}.${String(index + 1)}`, level] as const),
  ),
);
