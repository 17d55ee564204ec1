import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigurationError } from '@countersign/service-host';
import { loadConfig, loadDatabaseUrl } from './identity-config.js';

const good = {
  ISSUER_URL: 'http://localhost:8080',
  SERVICE_URL: 'http://localhost:3005/',
  DATABASE_URL: 'postgres://u:secret@localhost/db',
  MASTER_KEY_FILE: '/keys',
  RELYING_SERVICES_FILE: '/services.json',
  MAIL_DIR: '/mail',
};
const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigurationError).faults;
  }
};

it('has defaults for what an installation need not decide, and is frozen', () => {
  const config = loadConfig(good);
  expect(config).toMatchObject({
    PUBLIC_PORT: 3000,
    SERVICE_PORT: 3005,
    OPERATOR_PORT: 3010,
    ACCESS_TOKEN_TTL_SECONDS: 300,
  });
  expect(config.SERVICE_URL).toBe('http://localhost:3005');
  expect(config.TRUSTED_PROXIES).toEqual([]);
  expect(Object.isFrozen(config)).toBe(true);
});

it('names all faults at once, and no value', () => {
  const faults = faultsOf({
    ...good,
    ISSUER_URL: 'nowhere',
    PUBLIC_PORT: '70000',
    LOG_LEVEL: 'loud',
    MASTER_KEY_FILE: '',
    DATABASE_URL: 'mysql://u:secret@h/d',
  });
  expect(faults).toHaveLength(5);
  for (const name of [
    'ISSUER_URL',
    'PUBLIC_PORT',
    'LOG_LEVEL',
    'MASTER_KEY_FILE is required',
    'DATABASE_URL',
  ]) {
    expect(faults.join('\n')).toContain(name);
  }
  expect(faults.join('\n')).not.toContain('secret');
});

it.each([
  [{ ISSUER_URL: 'http://localhost:8080/path' }, 'ISSUER_URL'],
  [{ ACCESS_TOKEN_TTL_SECONDS: '901' }, 'ACCESS_TOKEN_TTL_SECONDS'],
  [{ ACCESS_TOKEN_TTL_SECONDS: '300', SESSION_TTL_SECONDS: '200' }, 'must not outlive its session'],
  [{ SESSION_TTL_SECONDS: '86400', REMEMBERED_SESSION_TTL_SECONDS: '3600' }, 'SESSION_TTL_SECONDS'],
  [{ KEY_PUBLICATION_SECONDS: '600', JWKS_CACHE_SECONDS: '601' }, 'as long as the JWKS may be'],
  [{ KEY_PUBLICATION_SECONDS: '600', KEY_ROTATION_SECONDS: '599' }, 'as the next one is published'],
  [{ KEY_ACTIVATION_PAST_DEADLINE: 'wait' }, 'KEY_ACTIVATION_PAST_DEADLINE'],
  [{ SERVICE_PORT: '3000' }, 'must differ'],
  [{ MANAGEMENT_PORT: '3010' }, 'must differ'],
  [{ TRUSTED_PROXIES: '10.0.0.0/8, everybody' }, 'TRUSTED_PROXIES'],
  [{ ARGON2_MEMORY_KIB: '1024' }, 'ARGON2_MEMORY_KIB'],
  [{ ARGON2_MEMORY_KIB: '47103', ARGON2_PASSES: '1' }, "OWASP's list"],
  [{ ARGON2_MEMORY_KIB: '7168', ARGON2_PASSES: '4' }, "OWASP's list"],
  [{ MAIL_DIR: '' }, 'people cannot be reached: give SMTP_URL and MAIL_FROM, or MAIL_DIR'],
  [{ SMTP_URL: 'smtp://mail', MAIL_FROM: 'a@example.test' }, 'not both'],
  [{ MAIL_DIR: '', SMTP_URL: 'smtp://mail' }, 'MAIL_FROM'],
  [{ MAIL_DIR: '', SMTP_URL: 'smtp://mail', MAIL_FROM: 'nobody' }, 'MAIL_FROM'],
  [{ MAIL_DIR: '', SMTP_URL: 'smtp://mail', MAIL_FROM: 'A\r\nBcc: b@c.d <a@b.c>' }, 'MAIL_FROM'],
  [{ SMTP_URL: 'http://mail' }, 'SMTP_URL'],
  [{ SMTP_URL: 'smtp://mail?tls.rejectUnauthorized=false' }, 'SMTP_URL'],
  [{ ACCOUNT_PAGE_URL: 'javascript:alert(1)' }, 'ACCOUNT_PAGE_URL'],
  [{ ACCOUNT_PAGE_URL: 'https://app.example.com/#x' }, 'ACCOUNT_PAGE_URL'],
])('refuses %j', (more, expected) => {
  expect(faultsOf({ ...good, ...more }).join('\n')).toContain(expected);
});

it.each([
  ['47104', '1'],
  ['19456', '2'],
  ['12288', '3'],
  ['9216', '4'],
  ['7168', '5'],
  ['65536', '3'],
])('takes argon2id with %s KiB and %s passes', (memory, passes) => {
  const given = { ...good, ARGON2_MEMORY_KIB: memory, ARGON2_PASSES: passes };
  expect(faultsOf(given)).toEqual([]);
});

it('reads lists of proxies', () => {
  expect(
    loadConfig({ ...good, TRUSTED_PROXIES: '127.0.0.1, ::1/128,10.0.0.0/8' }).TRUSTED_PROXIES,
  ).toEqual(['127.0.0.1', '::1/128', '10.0.0.0/8']);
});

it('reads who messages come from, and never tells the password of the mail server', () => {
  const smtp = { ...good, MAIL_DIR: '', SMTP_URL: 'smtps://u:hunter2@mail.example.com' };
  expect(loadConfig({ ...smtp, MAIL_FROM: 'The Shop <no-reply@example.com>' }).MAIL_FROM).toEqual({
    name: 'The Shop',
    address: 'no-reply@example.com',
  });
  expect(loadConfig({ ...smtp, MAIL_FROM: 'no-reply@example.com' }).MAIL_FROM).toEqual({
    name: '',
    address: 'no-reply@example.com',
  });
  const faults = faultsOf({ ...smtp, SMTP_URL: 'smtps://u:hunter2@mail/x', PUBLIC_PORT: 'x' });
  expect(faults).toHaveLength(2);
  expect(faults.join('\n')).not.toContain('hunter2');
});

describe('the master key comes from one place', () => {
  const without = { ...good, MASTER_KEY_FILE: '' };
  it('a file, or a text', () => {
    expect(loadConfig({ ...without, MASTER_KEY: 'k1 …' })).toHaveProperty('MASTER_KEY', 'k1 …');
    expect(loadConfig({ ...good, MASTER_KEY: '' })).toHaveProperty('MASTER_KEY_FILE', '/keys');
  });
  it('neither is a fault, named with all others', () => {
    expect(faultsOf({ ...without, LOG_LEVEL: 'loud' })).toEqual([
      expect.stringContaining('LOG_LEVEL'),
      expect.stringContaining('MASTER_KEY_FILE is required (or MASTER_KEY)'),
    ]);
  });
  it('both are a fault, which shows neither', () => {
    const faults = faultsOf({ ...good, MASTER_KEY: 'k1 secret' });
    expect(faults).toEqual([expect.stringContaining('are both set')]);
  });
});

it('takes the password of the database from a file, whatever is in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-config-'));
  const file = join(folder, 'password');
  writeFileSync(file, 'p@ss/word:%41\n');
  const env = { ...good, DATABASE_URL: 'postgres://u@db/x?sslmode=verify-full' };
  const url = loadConfig({ ...env, DATABASE_PASSWORD_FILE: file }).DATABASE_URL;
  expect(url).toBe('postgres://u:p%40ss%2Fword%3A%2541@db/x?sslmode=verify-full');
  expect(decodeURIComponent(new URL(url).password)).toBe('p@ss/word:%41');
  expect(loadDatabaseUrl({ ...env, DATABASE_PASSWORD_FILE: file })).toBe(url);
  rmSync(folder, { recursive: true });
  expect(faultsOf({ ...env, DATABASE_PASSWORD_FILE: file })).toEqual([
    expect.stringContaining('DATABASE_PASSWORD_FILE'),
  ]);
});

it('takes words that no password may be made of', () => {
  expect(loadConfig(good).PASSWORD_CONTEXT_WORDS).toEqual(['countersign']);
  const given = { ...good, PASSWORD_CONTEXT_WORDS: 'Blue Shop, countersign ,' };
  expect(loadConfig(given).PASSWORD_CONTEXT_WORDS).toEqual(['Blue Shop', 'countersign']);
  expect(faultsOf({ ...good, PASSWORD_CONTEXT_WORDS: 'ab' })).toHaveLength(1);
});
