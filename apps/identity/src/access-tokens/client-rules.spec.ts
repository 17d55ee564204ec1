import fc from 'fast-check';
import {
  audienceFault,
  clientAudiences,
  clientId,
  clientScopes,
  grantedScopes,
} from './client-rules.js';

describe('the scopes of a token', () => {
  const has = ['orders:read', 'orders:write'];
  it.each([
    ['none asked for: all', undefined, has],
    ['one', 'orders:read', ['orders:read']],
    ['all, in the order asked for', 'orders:write orders:read', ['orders:write', 'orders:read']],
    ['one twice: once', 'orders:read orders:read', ['orders:read']],
    ['one too many', 'orders:read payments:read', undefined],
    ['another spelling', 'Orders:read', undefined],
    ['two spaces between', 'orders:read  orders:write', undefined],
    ['a space at the end', 'orders:read ', undefined],
    ['a tab between', 'orders:read\torders:write', undefined],
  ])('%s', (_, asked, granted) => {
    expect(grantedScopes(has, asked)).toEqual(granted);
  });

  it('are never more than the client has', () => {
    const scope = fc.stringMatching(/^[a-c]{1,2}$/);
    fc.assert(
      fc.property(fc.array(scope), fc.array(scope), (own, asked) => {
        for (const granted of grantedScopes(own, asked.join(' ')) ?? []) {
          expect(own).toContain(granted);
        }
      }),
    );
  });
});

it.each([
  ['invoices', true],
  ['a-1', true],
  ['Invoices', false],
  ['1a', false],
  ['', false],
  ['x'.repeat(64), false],
  ['a0000000-0000-4000-8000-000000000000', false],
])('%j as the id of a client: %s', (id, valid) => {
  expect(clientId.safeParse(id).success).toBe(valid);
});

it.each([
  [clientAudiences, ['orders'], true],
  [clientAudiences, [], false],
  [clientAudiences, ['orders', 'orders'], false],
  [clientAudiences, ['\u0000'], false],
  [clientScopes, [], true],
  [clientScopes, ['orders:read'], true],
  [clientScopes, ['two words'], false],
  [clientScopes, ['"'], false],
  [clientScopes, ['a', 'a'], false],
  [clientScopes, Array.from({ length: 60 }, (_, n) => `${String(n)}${'x'.repeat(60)}`), false],
])('lists of audiences and of scopes (%#)', (schema, list, valid) => {
  expect(schema.safeParse(list).success).toBe(valid);
});

it('people can sign out of every client, and no service acts as a person at identity', () => {
  expect(audienceFault('public', ['identity', 'orders'])).toBeUndefined();
  expect(audienceFault('public', ['orders'])).toContain('sign out');
  expect(audienceFault('confidential', ['orders'])).toBeUndefined();
  expect(audienceFault('confidential', ['orders', 'identity'])).toContain('nothing');
});
