import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('..', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: fileURLToPath(root),
  encoding: 'utf8',
});
const pages = listed.trim().split('\n');

/** Lines of the shell in a page, those that end with a backslash together with the next. */
const shellLines = (text: string) =>
  [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].flatMap(([, block = '']) =>
    block.replaceAll('\\\n', ' ').split('\n'),
  );

const commands = new Map(
  [
    ...read('docs/commands.md').matchAll(/^\| `countersign ([a-z -]+?)(?: [<[].*?)?` +\|(.*)$/gm),
  ].map(([, name = '', row = '']) => [name, row]),
);
const EVERYWHERE = new Set(['--help', '--json', '--version']);

/** What lines name of the command line that it does not have. `-n countersign` names a namespace. */
function unknownIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    [...line.matchAll(/(?<![\w/.-]|-n )countersign ([a-z][^|;&>)]*)/g)].flatMap(
      ([said, rest = '']) => {
        const name = [...commands.keys()]
          .filter((known) => `${rest.trim()} `.startsWith(`${known} `))
          .sort((a, b) => b.length - a.length)[0];
        if (name === undefined) return [said];
        const options = rest.split(' -- ')[0]!.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [];
        const row = commands.get(name) ?? '';
        return options.filter((option) => !EVERYWHERE.has(option) && !row.includes(`\`${option}`));
      },
    ),
  );
}

it('there are commands to compare with, and what is not there is noticed', () => {
  expect(commands.size).toBeGreaterThan(40);
  expect(unknownIn(['npx countersign keys forge', 'countersign keys rotate --hard --yes'])).toEqual(
    ['countersign keys forge', '--hard'],
  );
});

/** What stands in a sentence as code. */
const inSentences = (text: string) =>
  [...text.replaceAll(/^ *```[^]*?^ *```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, said = '']) => said,
  );
/** What it says was so when it was written. */
const current = pages.filter((page) => page !== 'CHANGELOG.md');

it.each(current)('every command of countersign in %s exists, with its options', (page) => {
  const text = read(page);
  expect(unknownIn([...shellLines(text), ...inSentences(text)])).toEqual([]);
});

/** Settings, metrics and other names of such a form, wherever a program or a manifest has them. */
const NAMES = /(?<![\w-])(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|countersign_[a-z0-9_]+)(?!\w|\{?\*)/g;
const known = new Set(
  execFileSync('git', ['grep', '-hI', '--untracked', '_', '--', ':!*.md', ':!package-lock.json'], {
    cwd: fileURLToPath(root),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  }).match(NAMES),
);
/** Names that nothing but a page has, or OpenTelemetry. Prometheus makes several of one histogram. */
const namedByNobodyElse = (said: readonly string[]) =>
  said
    .flatMap((code) => code.match(NAMES) ?? [])
    .filter((name) => !name.startsWith('OTEL_'))
    .filter((name) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')));

it.each(current)(
  'no setting and no metric is named in a sentence of %s that is nowhere else',
  (page) => {
    expect(namedByNobodyElse(inSentences(read(page)))).toEqual([]);
  },
);

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
/** Where the options of scripts are read. Those of jest are its own. */
const READERS: Readonly<Record<string, string>> = {
  start: 'tools/src/embedded-run/arguments.ts',
  demo: 'tools/src/demo/main.ts',
  soak: 'test/soak/main.ts',
  'bench:guard': 'bench/guard.mjs',
};
/** Options that a text gives to scripts, and that nobody reads. */
function unknownOptions(text: string): string[] {
  const given = [...text.matchAll(/npm (?:run )?(?:-s )?([a-z][\w:-]*) -- --([a-z-]+)/g)];
  return given
    .filter(([, script = '', option = '']) => {
      if (script === 'jest') return false;
      const reader = READERS[script];
      // As `parseArgs` is told of it, or as it stands in the arguments.
      const isRead = new RegExp(`^ *'?${option}'?: \\{|--${option}\\b`, 'm');
      return reader === undefined || !isRead.test(read(reader));
    })
    .map(([said]) => said);
}
/** Also what is no page. */
const texts = execFileSync(
  'git',
  ['ls-files', '-co', '--exclude-standard', '*.md', '*.yml', '*.yaml', '*.sh', 'gateways'],
  { cwd: fileURLToPath(root), encoding: 'utf8' },
);

it('no text gives an option to a script of npm that it does not have', () => {
  expect(unknownOptions('npm run demo -- --compose')).toEqual(['npm run demo -- --compose']);
  const faults = texts
    .trim()
    .split('\n')
    .flatMap((path) => unknownOptions(read(path)).map((said) => `${path}: ${said}`));
  expect(faults).toEqual([]);
});

it.each(pages)('every npm script that %s names exists', (page) => {
  const named = [...read(page).matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(
    ([, name = '']) => name,
  );
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
