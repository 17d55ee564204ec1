import { cookiePolicy, SESSION_COOKIE, TokenRejected } from '@countersign/token-verifier';
import type { RejectionCode, TokenVerifier } from '@countersign/token-verifier';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { verifiedTokenOf, verifyAtTheEdge } from './verify-at-the-edge.js';

const cookies = cookiePolicy({ names: [SESSION_COOKIE], origins: ['https://app.example'] });

/** What becomes of a request, when its tokens are refused for these reasons, one after the other. */
async function edgeAnswers(header: readonly [string, string], reasons: readonly RejectionCode[]) {
  const left = [...reasons];
  let swaps = 0;
  const verifier = {
    verify: () => {
      const reason = left.shift();
      return reason ? Promise.reject(new TokenRejected(reason, 'a test')) : Promise.resolve({});
    },
  } as unknown as TokenVerifier;
  const swap = { swap: () => Promise.resolve({ token: `token ${String((swaps += 1))}` }) };
  const request = { method: 'GET', raw: { rawHeaders: header } } as unknown as FastifyRequest;
  const answer: Record<string, unknown> = {};
  const reply = Object.fromEntries(
    ['status', 'headers', 'type', 'send'].map((name) => [
      name,
      (value: unknown) => {
        answer[name] = value;
        return reply;
      },
    ]),
  );
  const hook = verifyAtTheEdge({ verifier, swap, cookies }, 'orders');
  await hook(request, reply as unknown as FastifyReply);
  const passed = answer['status'] === undefined ? verifiedTokenOf(request).token : undefined;
  return { status: answer['status'], headers: answer['headers'], passed, swaps };
}

const session = ['cookie', `${SESSION_COOKIE}=opaque`] as const;

it.each(['revoked', 'expired'] as const)(
  'a swapped token that is %s by the time it is looked at is swapped once more',
  async (reason) => {
    expect(await edgeAnswers(session, [reason])).toMatchObject({ passed: 'token 2', swaps: 2 });
  },
);

it('a session that goes on is never answered as if it were over: come again', async () => {
  expect(await edgeAnswers(session, ['revoked', 'revoked'])).toMatchObject({
    status: 503,
    headers: { 'retry-after': '5' },
    swaps: 2,
  });
});

it('what another token would be refused for too is answered at once', async () => {
  expect(await edgeAnswers(session, ['wrong_audience'])).toMatchObject({ status: 401, swaps: 1 });
});

it('a token of the client’s own is looked at once', async () => {
  const header = ['authorization', 'Bearer a.b.c'] as const;
  expect(await edgeAnswers(header, ['revoked'])).toMatchObject({ status: 401, swaps: 0 });
});
