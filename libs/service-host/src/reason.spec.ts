import { reasonOf } from './reason.js';

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), {
  code: 'ECONNREFUSED',
});
const itself = new Error('in a circle');
itself.cause = itself;

it.each<[string, unknown, string]>([
  ['an error without a cause', new Error('too late'), 'too late'],
  [
    'the first of several',
    new Error('a', { cause: new Error('b', { cause: refused }) }),
    refused.message,
  ],
  ['a cause that is no error', new Error('too late', { cause: 'x' }), 'too late'],
  [
    'an error without words, by its code',
    new Error('a', {
      cause: Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' }),
    }),
    'ECONNREFUSED',
  ],
  ['one without either, by its name', new TypeError(), 'TypeError'],
  ['what is no error', 'words', 'words'],
  ['nothing', undefined, 'undefined'],
  ['a circle', itself, 'in a circle'],
])('%s', (_what, error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});
