import { describe, expect, test } from '@jest/globals';
import { RequireScope } from './access-decorators.js';
import { decideAccess } from './access-rule.js';

const silent = { isPublic: false, scopes: [] };
const open = { isPublic: true, scopes: [] };
const read = { isPublic: false, scopes: ['orders:read'] };
const write = { isPublic: false, scopes: ['orders:write'] };
const contradicting = { isPublic: true, scopes: ['orders:read'] };

describe('the rule of a route', () => {
  test.each([
    ['nothing said: a good token is needed', silent, silent, { scopes: [] }],
    ['public route', open, silent, 'public'],
    ['public controller', silent, open, 'public'],
    [
      'scopes of route and controller add up',
      write,
      read,
      { scopes: ['orders:read', 'orders:write'] },
    ],
    ['the same scope twice counts once', read, read, { scopes: ['orders:read'] }],
    ['a public route in a controller with scopes is public', open, read, 'public'],
    [
      'a route with scopes in a public controller is protected',
      read,
      open,
      { scopes: ['orders:read'] },
    ],
    [
      'a route that contradicts itself is protected',
      contradicting,
      silent,
      { scopes: ['orders:read'] },
    ],
    [
      'a controller that contradicts itself is protected',
      silent,
      contradicting,
      { scopes: ['orders:read'] },
    ],
  ])('%s', (_, onRoute, onController, rule) => {
    expect(decideAccess(onRoute, onController)).toEqual(rule);
  });

  test('a scope that could break out of the challenge is refused when it is written', () => {
    for (const name of ['', 'two words', 'quote"', 'line\nbreak']) {
      expect(() => RequireScope(name)).toThrow(TypeError);
    }
  });
});
