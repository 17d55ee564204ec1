import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { Public, RequireScope } from './access-decorators.js';
import { accessRuleOf, decideAccess, isPublicRoute } from './access-rule.js';
import { AllowStaleRevocations, staleRevocationsOf } from './allow-stale-revocations.js';

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

describe('a class that extends a controller', () => {
  class Base {
    shared() {
      return {};
    }
    opened() {
      return {};
    }
  }
  class Extending extends Base {
    own() {
      return {};
    }
    override opened() {
      return {};
    }
  }
  const route = (controller: { readonly prototype: object }, name: string) => ({
    getClass: () => controller,
    getHandler: () => (controller.prototype as Record<string, object>)[name]!,
  });
  const opened = Object.getOwnPropertyDescriptor(Base.prototype, 'opened')!;
  Public()(Base);
  AllowStaleRevocations()(Base);
  Public()(Base.prototype, 'opened', opened);

  test('does not become public with it, nor do routes of its own or shared ones', () => {
    expect(isPublicRoute(route(Base, 'shared'))).toBe(true);
    expect(isPublicRoute(route(Extending, 'shared'))).toBe(false);
    expect(isPublicRoute(route(Extending, 'own'))).toBe(false);
  });

  test('does not stay open with it when revocations are stale', () => {
    expect(staleRevocationsOf(route(Base, 'shared'))).toBe('open');
    expect(staleRevocationsOf(route(Extending, 'own'))).toBe('closed');
  });

  test('shares what stands on a method with the method, and loses it when it writes its own', () => {
    class Sharing extends Base {}
    expect(isPublicRoute(route(Sharing, 'opened'))).toBe(true);
    expect(isPublicRoute(route(Extending, 'opened'))).toBe(false);
  });

  test('inherits scopes, and adds its own', () => {
    class Reading extends Base {}
    class Writing extends Reading {}
    RequireScope('orders:read')(Reading);
    RequireScope('orders:write')(Writing);
    Public()(Writing);
    expect(accessRuleOf(route(Writing, 'shared'))).toEqual({
      scopes: ['orders:read', 'orders:write'],
    });
  });
});
