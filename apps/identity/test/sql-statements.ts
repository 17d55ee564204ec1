/** One statement of a text in SQL. */
export interface Statement {
  /** As it is written, with the comments before it and in it. */
  readonly source: string;
  /** In one line, without comments; of texts and bodies in quotes only the quotes are left. */
  readonly text: string;
}

const COMMENT = String.raw`--[^\n]*|/\*[\s\S]*?\*/`;
const BODY = String.raw`(?<tag>\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\k<tag>`;
const TEXT = String.raw`\b[Ee]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'`;
const NAME = String.raw`"(?:[^"]|"")*"`;
const NOT_CODE = new RegExp([COMMENT, BODY, TEXT, NAME].join('|'), 'g');

/** The statements of a text in SQL. A semicolon within quotes, a body between dollars or a comment ends none. */
export function statementsOf(sql: string): readonly Statement[] {
  const code = sql.replaceAll(NOT_CODE, covered);
  const ends = [...code.matchAll(/;|$/g)].map(({ index }) => index);
  return ends
    .map((end, at) => {
      const start = at === 0 ? 0 : ends[at - 1]! + 1;
      const text = code.slice(start, end).replaceAll(/\s+/g, ' ').trim();
      return { source: sql.slice(start, end), text };
    })
    .filter(({ text }) => text !== '');
}

/** As long as before. */
function covered(part: string): string {
  if (part.startsWith('"')) return part.replaceAll(/[^\w"]/g, '_');
  const inside = ' '.repeat(part.length - 2);
  return part.startsWith('-') || part.startsWith('/') ? `${inside}  ` : `'${inside}'`;
}

/** The parts of a list that commas part, but for commas in parentheses. */
export function listed(text: string): readonly string[] {
  let depth = 0;
  const ends = [...text.matchAll(/[(),]/g)].flatMap(({ 0: character, index }) => {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    return character === ',' && depth === 0 ? [index] : [];
  });
  return [...ends, text.length].map((end, at) =>
    text.slice(at === 0 ? 0 : ends[at - 1]! + 1, end).trim(),
  );
}
