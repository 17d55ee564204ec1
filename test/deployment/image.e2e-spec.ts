import { readFileSync } from 'node:fs';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** The instructions of each stage; a line that ends with a backslash goes on. */
function stagesOf(dockerfile: string): readonly (readonly Instruction[])[] {
  const lines = dockerfile.replaceAll(/\\\n\s*/g, '').split('\n');
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, name = '', value = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    if (name !== '') stages.at(-1)?.push({ name, value });
  }
  return stages;
}

const stages = stagesOf(read('Dockerfile'));
const last = stages.at(-1)!;
const all = stages.flat();
const only = (name: string) => last.filter((one) => one.name === name).map(({ value }) => value);

it('every stage is Node 24 on a slim Debian', () => {
  expect(stages.length).toBeGreaterThan(1);
  for (const [from] of stages) expect(from?.value).toMatch(/^node:24-bookworm-slim( AS \w+)?$/);
});

it('whatever is run is a list of words: no shell reads it', () => {
  const commands = all.filter(({ name }) => ['RUN', 'CMD', 'ENTRYPOINT'].includes(name));
  expect(commands.length).toBeGreaterThan(3);
  for (const { value } of commands) expect(JSON.parse(value)).toEqual(expect.any(Array));
  expect(only('HEALTHCHECK')).toEqual([expect.stringMatching(/ CMD \["node", "[\w.-]+\.mjs"\]$/)]);
});

it('no install script runs, and the image has no development dependencies', () => {
  const installs = all.filter(({ value }) => value.includes('"npm", "ci"'));
  expect(installs).toHaveLength(2);
  for (const { value } of installs) expect(value).toContain('"--ignore-scripts"');
  const [dependencies] = stages.filter((stage) =>
    stage.some(({ value }) => value.includes('--omit=dev')),
  );
  const [from] = dependencies!;
  const stage = from!.value.split(' AS ')[1]!;
  expect(only('COPY')).toContain(`--from=${stage} /app/node_modules ./node_modules`);
  expect(last.some(({ value }) => value.includes('npm'))).toBe(false);
});

it('the process is nobody, owns nothing, and is told to stop by SIGTERM', () => {
  expect(only('USER')).toEqual(['1000:1000']);
  expect(only('STOPSIGNAL')).toEqual(['SIGTERM']);
  for (const copied of only('COPY')) expect(copied).not.toContain('--chown');
  expect(last.findIndex(({ name }) => name === 'USER')).toBeGreaterThan(
    last.findLastIndex(({ name }) => name === 'COPY' || name === 'RUN'),
  );
});

it('secrets are neither in the image nor in what it is built from', () => {
  for (const { name, value } of all) {
    if (name === 'ENV' || name === 'ARG') expect(value).not.toMatch(/KEY|SECRET|PASSWORD|TOKEN/i);
  }
  const rules = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  // Everything is left out, and then a few things are taken in.
  expect(rules[0]).toBe('*');
  const taken = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  expect(taken).not.toContain('secrets');
  expect(taken.every((rule) => !rule.includes('*'))).toBe(true);
  // What is taken in, these lose again, so they come last.
  const left = rules.slice(rules.findLastIndex((rule) => rule.startsWith('!')) + 1);
  const secret = ['**/.countersign*', '**/.env*', '**/*.pem', '**/*.key'];
  expect(left).toEqual(expect.arrayContaining(['**/node_modules', '**/dist', ...secret]));
});
