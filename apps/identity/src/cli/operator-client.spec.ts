import { unanswered } from './operator-client.js';

const refused = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } });
const late = new DOMException('late', 'TimeoutError');

it.each([
  ['nobody listens', 'POST', refused, /\(ECONNREFUSED\): is it running/],
  ['a question is not answered in time', 'GET', late, /gave no answer within 30 s$/],
  ['an order is not answered in time', 'POST', late, /within 30 s: it may be done all the same/],
])(
  '%s: the command may be given again, and says what to look at first',
  (...[, method, fault, said]) => {
    const failure = unanswered(method, 'http://localhost:3010', fault);
    expect([failure.ending, failure.code]).toEqual(['unavailable', 'unreachable']);
    expect(failure.message).toMatch(said);
  },
);
