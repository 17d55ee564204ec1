import { readFileSync } from 'node:fs';
import { loadConfig } from './identity-config.js';

const page = (name: string) =>
  readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');
const config = loadConfig({
  ISSUER_URL: 'http://localhost:8080',
  SERVICE_URL: 'http://localhost:3005',
  DATABASE_URL: 'postgres://u@localhost/db',
  MASTER_KEY_FILE: '/keys',
  RELYING_SERVICES_FILE: '/services.json',
  MAIL_DIR: '/mail',
}) as Readonly<Record<string, unknown>>;

it('docs/limits.md gives the limits on guessing as they are', () => {
  const given = [...page('limits.md').matchAll(/`([A-Z_]+)=([\d/]+)`/g)];
  expect(given).toHaveLength(19);
  for (const [, name = '', value = ''] of given) {
    const [points, seconds] = value.split('/').map(Number);
    expect([name, config[name]]).toEqual([
      name,
      seconds === undefined ? points : { points, seconds },
    ]);
  }
});

it('docs/sessions.md gives the lifetimes of sessions as they are', () => {
  const rows = [
    ...page('sessions.md').matchAll(/^\| (`[A-Z_]+`(?: · `[A-Z_]+`)?) +\| ([\d ·]+?) +\|/gm),
  ];
  expect(rows.length).toBeGreaterThanOrEqual(4);
  for (const [, names = '', values = ''] of rows) {
    const listed = names.split(' · ').map((name) => name.slice(1, -1));
    expect([listed, listed.map((name) => config[name])]).toEqual([
      listed,
      values.split(' · ').map(Number),
    ]);
  }
});
