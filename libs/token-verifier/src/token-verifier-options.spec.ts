import { expect, it } from '@jest/globals';
import { createTokenVerifier } from './create-token-verifier.js';
import type { TokenVerifierOptions } from './token-verifier-options.js';

const good: TokenVerifierOptions = {
  issuer: 'https://id.example.test',
  audience: 'orders',
  discoveryUrl: 'https://id.example.test/metadata',
  credentials: { clientId: 'a', clientSecret: 'b' },
};

/** Options as a program in JavaScript may give them. */
type Untyped = Readonly<Partial<Record<keyof TokenVerifierOptions, unknown>>>;

it.each<[string, Untyped, string]>([
  ['no issuer', { issuer: undefined }, 'issuer must be given'],
  ['no audience', { audience: undefined }, 'audience must be given'],
  ['two audiences', { audience: ['orders', 'payments'] }, 'audience must be given'],
  ['no credentials', { credentials: undefined }, "write revocation: 'none' to go without"],
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
  ['half a clock', { clock: { wallMs: () => 0, monotonicMs: 0 } }, 'clock.monotonicMs'],
])('nobody gets a verifier with %s', (_name, options, fault) => {
  const make = () => createTokenVerifier({ ...good, ...options } as TokenVerifierOptions);
  expect(make).toThrow(TypeError);
  expect(make).toThrow(fault);
});

function ages(more: object): object {
  return { refreshSeconds: 300, softSeconds: 900, hardSeconds: 3600, ...more };
}
