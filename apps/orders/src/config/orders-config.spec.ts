import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from './orders-config.js';

const folder = mkdtempSync(join(tmpdir(), 'orders-config-'));
const secretFile = join(folder, 'secret');
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(secretFile, 'the-secret\n');

const good = {
  ISSUER_URL: 'http://localhost:8080',
  DISCOVERY_URL: 'http://localhost:3005/.well-known/oauth-authorization-server',
  CLIENT_ID: 'orders',
  CLIENT_SECRET_FILE: secretFile,
  PAYMENTS_URL: 'http://localhost:3002',
};

describe('the configuration of orders', () => {
  test('takes its defaults from the design', () => {
    expect(loadConfig(good)).toMatchObject({
      PORT: 3001,
      MANAGEMENT_PORT: 3011,
      BIND_HOST: '127.0.0.1',
      CLIENT_SECRET_FILE: 'the-secret',
      ALLOW_INSECURE_HTTP: false,
    });
  });

  test('names all faults at once, and no value', () => {
    const bad = {
      ISSUER_URL: 'http://localhost:8080/path',
      DISCOVERY_URL: 'http://identity.example/.well-known/oauth-authorization-server',
      CLIENT_SECRET_FILE: `${secretFile}-missing`,
      PORT: 'many',
    };
    const start = () => loadConfig(bad);
    for (const name of [...Object.keys(bad), 'CLIENT_ID', 'PAYMENTS_URL']) {
      expect(start).toThrow(new RegExp(`- ${name} `));
    }
    expect(start).not.toThrow('many');
  });

  test('plain http to another machine needs consent', () => {
    const remote = { ...good, DISCOVERY_URL: 'http://identity:3005/metadata' };
    expect(() => loadConfig(remote)).toThrow('DISCOVERY_URL');
    expect(loadConfig({ ...remote, ALLOW_INSECURE_HTTP: 'true' }).DISCOVERY_URL).toBe(
      remote.DISCOVERY_URL,
    );
    expect(() => loadConfig({ ...remote, ALLOW_INSECURE_HTTP: 'yes' })).toThrow(
      'ALLOW_INSECURE_HTTP',
    );
  });
});
