import { readdirSync, readFileSync } from 'node:fs';
import { SERVICE_RIGHTS } from './service-rights.js';

it('every table and view of the migrations is in the list, and nothing else is', () => {
  const folder = new URL('migrations/', import.meta.url);
  const history = readdirSync(folder)
    .map((name) => readFileSync(new URL(name, folder), 'utf8').split('async down')[0])
    .join('\n');
  const made = [...history.matchAll(/CREATE (?:TABLE|VIEW) (\w+)/g)].map(([, name]) => name);
  const dropped = [...history.matchAll(/DROP (?:TABLE|VIEW) (\w+)/g)].map(([, name]) => name);
  const there = made.filter((name) => !dropped.includes(name));
  expect(Object.keys(SERVICE_RIGHTS)).toEqual([...there, 'schema_migrations'].sort());
});
