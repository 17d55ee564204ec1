import { readdirSync, readFileSync } from 'node:fs';
import { SERVICE_RIGHTS } from './service-rights.js';

const here = new URL('./', import.meta.url);

it('every table and view of the migrations is in the list, and nothing else is', () => {
  const history = readdirSync(new URL('migrations/', here))
    .map((name) => readFileSync(new URL(`migrations/${name}`, here), 'utf8').split('async down')[0])
    .join('\n');
  const made = [...history.matchAll(/CREATE (?:TABLE|VIEW) (\w+)/g)].map(([, name]) => name);
  const dropped = [...history.matchAll(/DROP (?:TABLE|VIEW) (\w+)/g)].map(([, name]) => name);
  const there = made.filter((name) => !dropped.includes(name));
  expect(Object.keys(SERVICE_RIGHTS)).toEqual([...there, 'schema_migrations'].sort());
});

it('no statement of the service needs a right that is not in the list', () => {
  const sources = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /^(?!.*migrations).*\.ts$/.test(name) && !name.endsWith('spec.ts'),
  );
  const needed = sources.flatMap((name) => statementsIn(readFileSync(new URL(name, here), 'utf8')));
  expect(needed.length).toBeGreaterThan(80);
  expect(needed.filter(([right, table]) => !mayDo(right, table)).map(String)).toEqual([]);
});

/** What the statements in a source do to tables, where they name them. */
function statementsIn(source: string): (readonly [string, string])[] {
  const changes = [...source.matchAll(/\b(INSERT|UPDATE|DELETE)(?: INTO| FROM)? ([a-z_]+)\b/g)];
  const merges = [...source.matchAll(/INSERT INTO ([a-z_]+)[^`]*DO UPDATE/g)];
  return [
    ...changes.map(([, right = '', table = '']) => [right, table] as const),
    ...merges.map(([, table = '']) => ['UPDATE', table] as const),
  ].filter(([, table]) => table in SERVICE_RIGHTS);
}

function mayDo(right: string, table: string): boolean {
  const { rights, changing } = SERVICE_RIGHTS[table]!;
  return rights.some((one) => one === right) || (right === 'UPDATE' && changing !== undefined);
}
