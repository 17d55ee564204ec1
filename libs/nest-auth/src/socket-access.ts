import { rememberedToken } from '@countersign/token-verifier';
import type { ExecutionContext } from '@nestjs/common';
import { accessRuleOf } from './access-rule.js';
import { hasScopes } from './refusal.js';

/**
 * Whether a message of a WebSocket may go on to its handler: its socket was let in by `CountersignWsAdapter`, its token is
 * still good and has the scopes.
 */
export function permitsMessage(context: ExecutionContext): boolean {
  const rule = accessRuleOf(context);
  if (rule === 'public') return true;
  const token = rememberedToken(context.switchToWs().getClient<object>());
  return token !== undefined && hasScopes(token, rule.scopes);
}
