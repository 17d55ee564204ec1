import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createTokenVerifier } from './create-token-verifier.js';
import { readOptions } from './token-verifier-options.js';
import type { TokenVerifierOptions } from './token-verifier-options.js';

const good: TokenVerifierOptions = {
  issuer: 'https://id.example.test',
  audience: 'orders',
  discoveryUrl: 'https://id.example.test/metadata',
  credentials: { clientId: 'a', clientSecret: 'b' },
};

/** Options as a program in JavaScript may give them. */
type Untyped = Readonly<Record<string, unknown>>;

it.each<[string, Untyped, string]>([
  ['no issuer', { issuer: undefined }, 'issuer (or ISSUER_URL in the environment) must be given'],
  ['no audience', { audience: undefined }, 'audience must be given'],
  ['two audiences', { audience: ['orders', 'payments'] }, 'audience must be given'],
  [
    'no credentials',
    { credentials: undefined },
    "may accept revoked tokens writes revocation: 'none'",
  ],
  ['no client', { credentials: { clientId: '', clientSecret: 'b' } }, 'credentials.clientId'],
  ['no secret', { credentials: { clientId: 'a' } }, 'credentials.clientSecret must be given'],
  ['credentials that nobody asks for', { revocation: 'none' }, 'make no sense'],
  ['credentials that may go anywhere', { discoveryUrl: undefined }, 'need a discoveryUrl'],
  ['a password in an address', { discoveryUrl: 'https://a:b@id.example.test/x' }, 'password'],
  ['credentials in the clear', { discoveryUrl: 'http://id.example.test/x' }, 'must be https'],
  [
    'a word that is not false, in the clear',
    { discoveryUrl: 'http://id.example.test/x', allowInsecureHttp: 'false' },
    'allowInsecureHttp must be true or false',
  ],
  ['another word for none', { revocation: 'off' }, "revocation must be 'none' or"],
  ['sources that are no list', { revocation: { sources: {} } }, "revocation must be 'none' or"],
  ['a tolerance that is text', { clockToleranceSeconds: '5' }, 'clockToleranceSeconds'],
  ['a tolerance that is no number', { clockToleranceSeconds: NaN }, 'clockToleranceSeconds'],
  ['a tolerance below zero', { clockToleranceSeconds: -1 }, 'clockToleranceSeconds'],
  ['a tolerance above a minute', { clockToleranceSeconds: 61 }, 'clockToleranceSeconds'],
  ['no lifetime', { maxLifetimeSeconds: 0 }, 'maxLifetimeSeconds'],
  ['a lifetime that is text', { maxLifetimeSeconds: '3600' }, 'maxLifetimeSeconds'],
  ['a limit left out', { staleness: { softSeconds: 10 } }, 'staleness'],
  ['no end', { staleness: { softSeconds: 10, hardSeconds: Infinity } }, 'staleness'],
  ['falling limits', { staleness: { softSeconds: 60, hardSeconds: 10 } }, 'staleness'],
  ['days', { staleness: { softSeconds: 10, hardSeconds: 86_401 } }, 'at most a day'],
  ['a key age that is no number', { keyAges: ages({ softSeconds: NaN }) }, 'keyAges'],
  ['a key age that is text', { keyAges: ages({ softSeconds: '900' }) }, 'keyAges'],
  ['a store that is a path', { keyStore: '/var/keys' }, 'keyStore.load must be a function'],
  ['a hook that is none', { onOutcome: 'log' }, 'onOutcome must be a function'],
  ['a trace that is none', { trace: true }, 'trace must be a function'],
  ['a misspelt option', { clockTolerance: 5 }, 'createTokenVerifier knows no "clockTolerance"'],
  [
    'a misspelt limit',
    { staleness: { softSeconds: 1, hardMs: 60 } },
    'staleness knows no "hardMs"',
  ],
  [
    'a secret under another name',
    { credentials: { clientId: 'a', clientSecret: 'b', secret: 'c' } },
    'credentials knows no "secret"',
  ],
  ['half a clock', { clock: { wallMs: () => 0, monotonicMs: 0 } }, 'clock.monotonicMs'],
])('nobody gets a verifier with %s', (_name, options, fault) => {
  const make = () => createTokenVerifier({ ...good, ...options });
  expect(make).toThrow(TypeError);
  expect(make).toThrow(fault);
});

function ages(more: object): object {
  return { refreshSeconds: 300, softSeconds: 900, hardSeconds: 3600, ...more };
}

describe('from the environment', () => {
  const environment = {
    ISSUER_URL: 'https://id.example.test',
    DISCOVERY_URL: 'https://id.example.test/metadata',
    CLIENT_ID: 'a',
    CLIENT_SECRET: 'b',
    PATH: '/bin',
  };
  const read = (more: object, written: object = {}) =>
    readOptions({ environment: { ...environment, ...more }, audience: 'orders', ...written });

  it('come issuer, discoveryUrl and credentials', () => {
    expect(read({})).toEqual(good);
  });

  it('comes the secret out of the file that it names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'verifier-secret-'));
    await writeFile(join(folder, 'secret'), 'from a file\n');
    const { credentials } = read({ CLIENT_SECRET_FILE: join(folder, 'secret') });
    await rm(folder, { recursive: true });
    expect(credentials?.clientSecret).toBe('from a file');
    expect(() => read({ CLIENT_SECRET_FILE: join(folder, 'secret') })).toThrow(
      'CLIENT_SECRET_FILE cannot be read: ENOENT',
    );
  });

  it('comes nothing that is written', () => {
    expect(read({}, { issuer: 'https://other.example.test' }).issuer).toBe(
      'https://other.example.test',
    );
  });

  it.each([
    ['ISSUER_URL', 'issuer (or ISSUER_URL in the environment) must be given'],
    ['DISCOVERY_URL', 'need a discoveryUrl'],
    ['CLIENT_ID', 'CLIENT_SECRET in the environment) are needed'],
    ['CLIENT_SECRET', 'credentials.clientSecret must be given'],
  ])('nobody gets a verifier without %s', (name, fault) => {
    expect(() => read({ [name]: undefined })).toThrow(fault);
  });
});
