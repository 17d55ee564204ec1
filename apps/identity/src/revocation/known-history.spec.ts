import { claimsLostHistory } from './known-history.js';

const head = { epoch: 4, seq: 10 };

it.each([
  ['the head itself', { epoch: 4, seq: 10 }, { endedBelow: 1, closedAt: undefined }, false],
  ['one past the head', { epoch: 4, seq: 11 }, { endedBelow: 1, closedAt: undefined }, true],
  ['a later epoch', { epoch: 5, seq: 0 }, { endedBelow: 1, closedAt: undefined }, true],
  ['the end of a closed epoch', { epoch: 3, seq: 7 }, { endedBelow: 1, closedAt: 7 }, false],
  ['past the end of a closed epoch', { epoch: 3, seq: 8 }, { endedBelow: 1, closedAt: 7 }, true],
  ['an epoch nobody knows', { epoch: 2, seq: 0 }, { endedBelow: 1, closedAt: undefined }, true],
  ['lost, but all ended since', { epoch: 3, seq: 8 }, { endedBelow: 4, closedAt: 7 }, false],
])('%s', (_name, position, known, lost) => {
  expect(claimsLostHistory(position, { head, ...known })).toBe(lost);
});
