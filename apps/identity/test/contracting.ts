import { listed, statementsOf } from './sql-statements.js';
import type { Statement } from './sql-statements.js';

/** A change of the schema that a version from before it could not live with. */
export interface Contraction {
  /** What it does, for people. */
  readonly what: string;
  /** The release that the marker names as the first that does not need what goes away. */
  readonly unusedSince: string | undefined;
}

const MARKER = /--\s*contract: unused since (\d+\.\d+\.\d+)/;

const PART = String.raw`(?:\w+|"(?:[^"]|"")*")`;
const NAME = String.raw`((?:${PART}\.)?${PART})`;
const matcher = (pattern: string) => new RegExp(pattern.replaceAll('NAME', NAME), 'i');

/** What a version that reads and writes as before stumbles over. A name in a pattern is that of a table, which may be a new one. */
const STATEMENTS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^DROP /i, 'drops something'],
  [/^TRUNCATE /i, 'empties a table'],
  [matcher('^REVOKE .* ON (?:TABLE )?NAME'), 'takes a right away'],
  [/^(?:REVOKE|ALTER DEFAULT PRIVILEGES .*REVOKE) /i, 'takes a right away'],
  [
    matcher('^CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER .*? ON NAME'),
    'does more when a table is written',
  ],
  [/^CREATE EVENT TRIGGER /i, 'does more when the schema changes'],
  [matcher('^CREATE (?:OR REPLACE )?RULE .*? TO NAME'), 'makes something else of a statement'],
  [matcher('^CREATE POLICY .*? ON NAME'), 'keeps rows from somebody'],
  [
    matcher(
      '^CREATE UNIQUE INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(?:(?!ON )\\S+ )?ON (?:ONLY )?NAME',
    ),
    'makes a column unique',
  ],
  [/^ALTER (?!TABLE |FOREIGN TABLE ).*\b(?:RENAME|SET SCHEMA)\b/i, 'renames something'],
  [/^ALTER (?:DOMAIN|POLICY|ROLE|USER|TYPE .* (?:DROP|ALTER)) /i, 'changes what is allowed'],
];

/** The same within an ALTER TABLE. The first that fits. */
const ACTIONS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^DROP CONSTRAINT /i, 'drops a constraint'],
  [/^DROP /i, 'drops a column'],
  [/^(?:RENAME|SET SCHEMA) /i, 'renames something'],
  [matcher('^ALTER (?:COLUMN )?NAME (?:SET DATA )?TYPE '), 'changes the type of a column'],
  [/^ALTER .*\bSET NOT NULL\b/i, 'makes a column NOT NULL'],
  [/^ALTER .*\bDROP (?:DEFAULT|IDENTITY|EXPRESSION)\b/i, 'takes a default away'],
  [/^ALTER .*\bGENERATED ALWAYS\b/i, 'takes no value for a column any more'],
  [/^(?:ENABLE|FORCE) ROW LEVEL SECURITY\b/i, 'keeps rows from somebody'],
  [/^(?:ENABLE|DISABLE) .*\b(?:TRIGGER|RULE) /i, 'does something else when the table is written'],
  [/^OWNER TO /i, 'takes a right away'],
  [/^DETACH PARTITION /i, 'takes rows away'],
];
const CONSTRAINT = matcher(
  '^ADD (?:CONSTRAINT NAME )?(?:CHECK|UNIQUE|PRIMARY KEY|FOREIGN KEY|EXCLUDE|NOT NULL)\\b',
);
const INLINE_CONSTRAINT = /\b(?:CHECK|UNIQUE|PRIMARY KEY|REFERENCES)\b/i;

/**
 * Finds what makes a rolling update impossible in the SQL of one migration: while it runs, and until the last replica has been
 * replaced, the version before works on the new schema. Tables that the same migration makes are nobody's yet.
 *
 * A contraction is for a later release than the one that stopped using what goes away, or doing what a constraint forbids. It says
 * so in a comment of its statement: `-- contract: unused since 1.2.0`.
 *
 * Does not look at what data the statements change, at functions and views that are replaced, nor at how long they lock.
 */
export function contractionsOf(sql: string): readonly Contraction[] {
  const statements = statementsOf(sql);
  const made = new Set(
    statements.flatMap(({ text }) => {
      const [, name] =
        matcher('^CREATE (?:UNLOGGED )?TABLE (?!IF NOT EXISTS)NAME').exec(text) ?? [];
      return name === undefined ? [] : [bare(name)];
    }),
  );
  return statements.flatMap((statement) => {
    const unusedSince = MARKER.exec(statement.source)?.[1];
    return whatIn(statement, made).map((what) => ({
      what: `${what}: ${statement.text}`,
      unusedSince,
    }));
  });
}

function whatIn({ source, text }: Statement, made: ReadonlySet<string>): string[] {
  if (/^DO /i.test(text)) return whatInBlock(source, made);
  const isNew = (name: string | undefined) => name !== undefined && made.has(bare(name));
  const [, table, rest = ''] =
    matcher('^ALTER (?:FOREIGN )?TABLE (?:IF EXISTS )?(?:ONLY )?NAME (?:\\* )?(.*)$').exec(text) ??
    [];
  if (table !== undefined) return isNew(table) ? [] : whatInActions(listed(rest));
  const found = STATEMENTS.map(([pattern, what]) => ({ match: pattern.exec(text), what })).find(
    ({ match }) => match !== null,
  );
  return found && !isNew(found.match?.[1]) ? [found.what] : [];
}

function whatInActions(actions: readonly string[]): string[] {
  const named = (pattern: string) =>
    actions.flatMap((action) => {
      const [, name] = matcher(pattern).exec(action) ?? [];
      return name === undefined ? [] : [bare(name)];
    });
  const dropped = new Set(named('^DROP CONSTRAINT (?:IF EXISTS )?NAME'));
  const replaced = new Set(named('^ADD CONSTRAINT NAME').filter((name) => dropped.has(name)));
  return actions.flatMap((action) => {
    const [, constraint] =
      matcher('^(?:ADD|DROP) CONSTRAINT (?:IF EXISTS )?NAME').exec(action) ?? [];
    // One that takes another's place is for its author to judge: mostly it allows more than before.
    if (constraint !== undefined && replaced.has(bare(constraint))) return [];
    if (CONSTRAINT.test(action)) return ['adds a constraint'];
    if (/^ADD /i.test(action)) return whatInColumn(action);
    const found = ACTIONS.find(([pattern]) => pattern.test(action));
    return found ? [found[1]] : [];
  });
}

function whatInColumn(definition: string): string[] {
  const isFilled = /\b(?:DEFAULT|GENERATED)\b/i.test(definition);
  return [
    ...(/\bNOT NULL\b/i.test(definition) && !isFilled
      ? ['adds a column that is NOT NULL and has no default']
      : []),
    ...(INLINE_CONSTRAINT.test(definition) ? ['adds a constraint'] : []),
  ];
}

/** `DO $$ … $$`: its statements stand between words of the procedural language. */
function whatInBlock(source: string, made: ReadonlySet<string>): string[] {
  const [, , body] = /(\$\w*\$)([\s\S]*)\1/.exec(source) ?? [];
  const statements = statementsOf(body ?? '').flatMap(({ source: within, text }) =>
    text
      .split(/\b(?:BEGIN|THEN|ELSE|LOOP)\b/i)
      .map((part) => ({ source: within, text: part.trim() })),
  );
  const found = statements.flatMap((statement) => whatIn(statement, made));
  const isUnreadable =
    body === undefined || statements.some(({ text }) => /\bEXECUTE\b/i.test(text));
  return isUnreadable ? [...found, 'runs what cannot be read here'] : found;
}

function bare(name: string): string {
  return name.split('.').at(-1)!.replaceAll('"', '').toLowerCase();
}
