/** A change of the schema that a version from before it could not live with. */
export interface Contraction {
  /** What it does, for people. */
  readonly what: string;
  /** The release that the marker names as the first that does not need what goes away. */
  readonly unusedSince: string | undefined;
}

const MARKER = /--\s*contract: unused since (\d+\.\d+\.\d+)/;
const COMMENT = /--[^\n]*|\/\*[\s\S]*?\*\//g;

/** What a version that reads and writes as before stumbles over. */
const CHANGES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\bDROP (?:TABLE|VIEW|MATERIALIZED VIEW|FUNCTION|TYPE|SEQUENCE) /i, 'drops something'],
  [/\bDROP COLUMN\b/i, 'drops a column'],
  [/\bRENAME\b/i, 'renames something'],
  [/\bALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE\b/i, 'changes the type of a column'],
  [/\bSET NOT NULL\b/i, 'makes a column NOT NULL'],
  [/\bDROP DEFAULT\b/i, 'takes a default away'],
];

/**
 * Finds what makes a rolling update impossible in the SQL of one migration: while it runs, and until the last replica has been
 * replaced, the version before works on the new schema. Tables that the same migration makes are nobody's yet.
 *
 * A contraction is for a later release than the one that stopped using what goes away. It says so in a comment of its statement:
 * `-- contract: unused since 1.2.0`.
 *
 * Does not look at what data the statements change, nor at how long they lock.
 */
export function contractionsOf(sql: string): readonly Contraction[] {
  const made = new Set(namesIn(sql, /\bCREATE TABLE (?:IF NOT EXISTS )?"?(\w+)/gi));
  return sql.split(';').flatMap((statement) => {
    const unusedSince = MARKER.exec(statement)?.[1];
    const text = statement.replaceAll(COMMENT, ' ').replaceAll(/\s+/g, ' ').trim();
    const [, table] = /^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?"?(\w+)/i.exec(text) ?? [];
    if (table !== undefined && made.has(table)) return [];
    return whatIn(text, made).map((what) => ({ what: `${what}: ${text}`, unusedSince }));
  });
}

function whatIn(text: string, made: ReadonlySet<string>): string[] {
  const found = CHANGES.filter(([pattern]) => pattern.test(text)).map(([, what]) => what);
  for (const [, definition = ''] of text.matchAll(/\bADD COLUMN ((?:\([^)]*\)|[^,(])*)/gi)) {
    if (/\bNOT NULL\b/i.test(definition) && !/\b(DEFAULT|GENERATED)\b/i.test(definition))
      found.push('adds a column that is NOT NULL and has no default');
  }
  const dropped = new Set(namesIn(text, /\bDROP CONSTRAINT (?:IF EXISTS )?"?(\w+)/gi));
  const added = namesIn(text, /\bADD CONSTRAINT "?(\w+)/gi);
  // One that takes another's place is for its author to judge: mostly it allows more than before.
  if (added.some((name) => !dropped.has(name))) found.push('adds a constraint');
  const [, indexed] = /^CREATE UNIQUE INDEX .*? ON (?:ONLY )?"?(\w+)/i.exec(text) ?? [];
  if (indexed !== undefined && !made.has(indexed)) found.push('makes a column unique');
  return found;
}

function namesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name = '']) => name);
}
