import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { TokenRejected, currentToken } from '@countersign/token-verifier';
import type { AccessToken, TokenVerifier } from '@countersign/token-verifier';
import { AllowStaleRevocations } from './allow-stale-revocations.js';
import { AccessTokenGuard } from './access-token.guard.js';
import { Refusal } from './refusal.js';
import { RequestAuthenticator } from './request-authenticator.js';
import { RouteAccess } from './route-access.js';

@AllowStaleRevocations()
class PatientController {
  route() {
    return undefined;
  }
}

class AnyController {
  route() {
    return undefined;
  }
}

/** What Express hands to a guard: the request of `node:http` itself, and a response with `header`. */
function expressContext(
  rawHeaders: string[],
  type = 'http',
  controller: { prototype: object } = AnyController,
) {
  const set: Record<string, string> = {};
  const request = { method: 'GET', rawHeaders };
  const response = { header: (name: string, value: string) => (set[name] = value) };
  const context = {
    getType: () => type,
    getHandler: (): unknown =>
      Object.getOwnPropertyDescriptor(controller.prototype, 'route')?.value,
    getClass: () => controller,
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
  };
  return { context: context as unknown as ExecutionContext, request, set };
}

function guardWith(verify: TokenVerifier['verify']): AccessTokenGuard {
  const verifier = { verify } as unknown as TokenVerifier;
  const access = new RouteAccess(verifier);
  return new AccessTokenGuard(access, new RequestAuthenticator(verifier));
}

describe('the guard on Express', () => {
  const accepted = { subject: 'anna', scopes: [] as string[] } as unknown as AccessToken;

  test('says what the route wants when revocations are stale: closed unless it is declared', async () => {
    for (const [controller, expected] of [
      [AnyController, 'closed'],
      [PatientController, 'open'],
    ] as const) {
      const { context } = expressContext(['Authorization', 'Bearer a.b.c'], 'http', controller);
      const asked: unknown[] = [];
      const guard = guardWith(async (_text, options) => {
        asked.push(options);
        return accepted;
      });
      await guard.canActivate(context);
      expect(asked).toEqual([{ staleRevocations: expected }]);
    }
  });

  test('reads the raw headers and keeps the token for the route', async () => {
    const { context, request } = expressContext(['Authorization', 'Bearer a.b.c']);
    await expect(guardWith(async () => accepted).canActivate(context)).resolves.toBe(true);
    expect(currentToken(request)).toBe(accepted);
  });

  test('sets the headers of a refusal and throws its problem', async () => {
    const { context, request, set } = expressContext(['authorization', 'Bearer a.b.c']);
    const reject = async () => Promise.reject(new TokenRejected('expired', 'exp has passed'));
    const refusal = guardWith(reject).canActivate(context);
    await expect(refusal).rejects.toBeInstanceOf(Refusal);
    await expect(refusal).rejects.toMatchObject({ status: 401, response: { code: 'expired' } });
    expect(set).toEqual({
      'www-authenticate': 'Bearer error="invalid_token"',
      'content-type': 'application/problem+json',
    });
    expect(() => currentToken(request)).toThrow(TypeError);
  });

  test('passes on a fault as it is: that is not the caller’s', async () => {
    const { context, set } = expressContext(['authorization', 'Bearer a.b.c']);
    const fault = new TypeError('a bug');
    await expect(guardWith(async () => Promise.reject(fault)).canActivate(context)).rejects.toBe(
      fault,
    );
    expect(set).toEqual({});
  });

  test('lets nothing through that is neither HTTP nor a socket', async () => {
    const { context } = expressContext(['authorization', 'Bearer a.b.c'], 'rpc');
    await expect(guardWith(async () => accepted).canActivate(context)).resolves.toBe(false);
  });
});
