import { refuseToRotate, refuseToSeal } from './master-key-order.js';
import type { KnownMasterKey, MasterKeyHolder } from './master-key-order.js';

const seals = (id: string): KnownMasterKey => ({ id, seals: true });
const known = (id: string): KnownMasterKey => ({ id, seals: false });
const replica = (name: string, ...opens: string[]): MasterKeyHolder => ({
  name,
  opens,
  sealsWith: opens[0]!,
});

describe('who may seal', () => {
  it.each<[string, string[], KnownMasterKey[], MasterKeyHolder[], RegExp[]]>([
    ['the first of all', ['k1'], [], [], []],
    ['another of the same', ['k1'], [seals('k1')], [replica('a', 'k1')], []],
    ['one with another line', ['k1', 'k2'], [seals('k1')], [replica('a', 'k1')], []],
    ['one without the key', ['k2'], [seals('k1')], [], [/"k1" is missing/]],
    [
      'one whose first line is new, and not known everywhere',
      ['k2', 'k1'],
      [seals('k1'), known('k2')],
      [replica('a', 'k1', 'k2'), replica('b', 'k1')],
      [/"k2" cannot be the first line yet: b does not have it/],
    ],
    [
      'one whose first line is new, and known everywhere',
      ['k2', 'k1'],
      [seals('k1'), known('k2')],
      [replica('a', 'k1', 'k2')],
      [],
    ],
    [
      'one that goes back to the first line that others still have',
      ['k1', 'k2'],
      [seals('k1'), seals('k2')],
      [replica('a', 'k2', 'k1')],
      [],
    ],
    [
      'one that is late: nothing is sealed under its first line any more, and a replica has dropped it',
      ['k1', 'k2'],
      [known('k1'), seals('k2')],
      [replica('a', 'k2')],
      [/"k1" cannot be the first line/],
    ],
    ['one without the old key, when nothing needs it', ['k2'], [known('k1'), seals('k2')], [], []],
  ])('%s', (_name, given, keys, others, faults) => {
    expect(refuseToSeal(given, keys, others)).toEqual(
      faults.map((fault) => expect.stringMatching(fault) as unknown),
    );
  });
});

describe('who may rotate', () => {
  const keys = [seals('k1'), known('k2')];
  it('nobody whose new key is unknown to a replica', () => {
    expect(refuseToRotate(['k2', 'k1'], keys, [replica('a', 'k1')])).toEqual([
      expect.stringMatching(/a does not have it/),
    ]);
  });
  it('nobody while a replica still seals under another key', () => {
    const replicas = [replica('a', 'k2', 'k1'), replica('b', 'k1', 'k2')];
    expect(refuseToRotate(['k2', 'k1'], [seals('k1'), seals('k2')], replicas)).toEqual([
      'b still seals under "k1": make "k2" the first line there too, and restart it',
    ]);
  });
  it('nobody without a key that seals something', () => {
    expect(refuseToRotate(['k2'], keys, [])).toEqual([expect.stringMatching(/"k1" is missing/)]);
  });
  it('who comes in order', () => {
    const replicas = [replica('a', 'k2', 'k1'), replica('b', 'k2', 'k1')];
    expect(refuseToRotate(['k2', 'k1'], [seals('k1'), seals('k2')], replicas)).toEqual([]);
    expect(refuseToRotate(['k2', 'k1'], keys, [])).toEqual([]);
  });
});
