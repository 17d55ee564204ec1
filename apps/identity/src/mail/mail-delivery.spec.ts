import { backOffSeconds } from './mail-delivery.js';

it('tries again later and later, and at least every ten minutes', () => {
  expect([1, 2, 3, 7, 8, 50].map(backOffSeconds)).toEqual([5, 10, 20, 320, 600, 600]);
});
