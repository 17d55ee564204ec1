import {
  answerToUnacceptedToken,
  answerToUnusableCredentials,
  readRequestCredentials,
  rememberedToken,
} from '@countersign/token-verifier';
import type { RequestHead } from '@countersign/token-verifier';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { accessRuleOf } from './access-rule.js';
import { putRefusalHeaders, Refusal, requireScopes } from './refusal.js';
import { permitsMessage } from './socket-access.js';

/**
 * Goes along with `@RequireScope()`, so that the scopes count whatever guard has verified the token: Nest's `AuthGuard` looks at
 * none, and guards that Nest 11 applies to a whole application do not see messages of WebSockets.
 *
 * Nest asks guards in order, and what has not been verified when this one is asked is refused.
 */
export class ScopeGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    switch (context.getType<string>()) {
      case 'http':
        return permitRequest(context);
      case 'ws':
        return permitsMessage(context);
      default:
        return false;
    }
  }
}

function permitRequest(context: ExecutionContext): true {
  const rule = accessRuleOf(context);
  if (rule === 'public') return true;
  const request = context.switchToHttp().getRequest<RequestHead | { readonly raw: RequestHead }>();
  try {
    const token = rememberedToken(request);
    if (!token) throw refusalWithoutToken('raw' in request ? request.raw : request);
    requireScopes(token, rule.scopes);
    return true;
  } catch (error) {
    putRefusalHeaders(context, error);
    throw error;
  }
}

/** The fault may be ours: a guard that verifies may come later. Then no request gets through, and none is answered with a fault. */
function refusalWithoutToken(head: RequestHead): Refusal {
  const credentials = readRequestCredentials(head);
  return new Refusal(
    'missing' in credentials
      ? answerToUnusableCredentials(credentials.missing)
      : answerToUnacceptedToken(),
  );
}
