import {
  ACCESS_COOKIE,
  cookiePolicy,
  SESSION_COOKIE,
  TokenRejected,
  VerifierUnavailable,
} from '@countersign/token-verifier';
import { domainProblem } from '../listeners/problems.js';
import { DomainError } from '../platform/domain-error.js';
import { ForwardAuth } from './forward-auth.js';

const HERE = 'https://shop.example';
const cookies = cookiePolicy({ names: [ACCESS_COOKIE, SESSION_COOKIE], origins: [HERE] });
const outcomes: Record<string, Error | undefined> = {
  ended: new DomainError('session_ended'),
  away: new DomainError('database_unavailable'),
  full: new DomainError('overloaded'),
  covered: new DomainError('revocation_in_progress'),
  elsewhere: new TokenRejected('wrong_audience', 'a test'),
  bad: new TokenRejected('revoked', 'a test'),
  old: new VerifierUnavailable('revocation_unreachable', 'a test'),
};
const asked: unknown[] = [];
const forwardAuth = new ForwardAuth({
  cookies,
  swaps: { swap: (cookie, audience) => end(cookie, `jwt-of-${cookie}-for-${audience}`) },
  verifier: { verify: (token, options) => end(token, [token, options]) as never },
});

/** What becomes of a request: the header that is sent on, or status and code of the answer. */
async function resultOf(method: string, rawHeaders: readonly string[]): Promise<string> {
  try {
    const { authorization, refusal } = await forwardAuth.answer({
      audience: 'orders',
      method,
      rawHeaders,
    });
    return refusal ? `${String(refusal.status)} ${refusal.problem.code}` : authorization;
  } catch (error) {
    const { problem } = domainProblem(error)!;
    return `${String(problem.status)} ${problem.code}`;
  }
}

const header = (value: string) => ['Authorization', value];
const bearer = header('Bearer good');
const access = ['Cookie', `a=b; ${ACCESS_COOKIE}=good`];
const opaque = ['cookie', `${SESSION_COOKIE}=good; a=b`];
const opaqueOf = (value: string) => ['cookie', `${SESSION_COOKIE}=${value}`];
const swapped = 'Bearer jwt-of-good-for-orders';

it.each([
  ['nothing', 'GET', [], '401 credentials_required'],
  ['another scheme', 'GET', header('Basic YTpi'), '401 credentials_required'],
  ['a malformed header', 'GET', header('Bearer  x'), '400 malformed_credentials'],
  ['a token in the header', 'POST', bearer, 'Bearer good'],
  ['a bad one', 'GET', header('Bearer bad'), '401 revoked'],
  ['one that cannot be judged', 'GET', header('Bearer old'), '503 revocation_unreachable'],
  ['a token in a cookie', 'GET', access, 'Bearer good'],
  ['the cookie of a session', 'GET', opaque, swapped],
  ['that, to read', 'HEAD', opaque, swapped],
  ['that, of a session that is over', 'GET', opaqueOf('ended'), '401 session_ended'],
  ['that, for somebody else', 'GET', opaqueOf('elsewhere'), '401 wrong_audience'],
  ['that, without the database', 'GET', opaqueOf('away'), '503 database_unavailable'],
  ['that, with too many others', 'GET', opaqueOf('full'), '503 overloaded'],
  ['that, during a revocation', 'GET', opaqueOf('covered'), '503 revocation_in_progress'],
  ['that, with old revocations', 'GET', opaqueOf('old'), '503 revocation_unreachable'],
  ['a cookie that nobody set so', 'GET', opaqueOf('"x"'), '400 malformed_credentials'],
  ['header and cookie', 'GET', [...bearer, ...opaque], '400 multiple_credentials'],
  ['header and access cookie', 'GET', [...bearer, ...access], '400 multiple_credentials'],
  [
    'a malformed header and a cookie',
    'GET',
    [...header('Bearer'), ...opaque],
    '400 multiple_credentials',
  ],
  ['two headers', 'GET', [...bearer, ...bearer], '400 multiple_credentials'],
  ['two cookies of one name', 'GET', [...opaque, ...opaque], '400 multiple_credentials'],
  ['both cookies', 'GET', [...access, ...opaque], '400 multiple_credentials'],
  ['a cookie that changes something', 'POST', opaque, '403 origin_required'],
  ['a cookie with an unknown method', 'PURGE', opaque, '403 origin_required'],
  ['an access cookie that changes something', 'DELETE', access, '403 origin_required'],
  ['a cookie with an upgrade', 'GET', [...opaque, 'Upgrade', 'websocket'], '403 origin_required'],
  ['another origin', 'POST', [...opaque, 'Origin', 'https://evil.example'], '403 origin_required'],
  ['two origins', 'POST', [...opaque, 'Origin', HERE, 'Origin', HERE], '403 origin_required'],
  ['the same site', 'POST', [...opaque, 'Sec-Fetch-Site', 'same-site'], '403 origin_required'],
  ['our origin', 'POST', [...opaque, 'Origin', HERE], swapped],
  ['the very same page', 'PUT', [...opaque, 'Sec-Fetch-Site', 'same-origin'], swapped],
  ['our origin, upgrading', 'GET', [...opaque, 'Upgrade', 'websocket', 'Origin', HERE], swapped],
])('%s (%s)', async (_, method, rawHeaders, result) => {
  await expect(resultOf(method, rawHeaders)).resolves.toBe(result);
});

it('tokens are verified for the service that the request is meant for', async () => {
  asked.length = 0;
  await resultOf('GET', bearer);
  expect(asked).toEqual([['good', { audience: 'orders' }]]);
});

function end<T>(shown: string, otherwise: T): Promise<T> {
  const error = outcomes[shown];
  if (error) return Promise.reject(error);
  asked.push(otherwise);
  return Promise.resolve(otherwise);
}
