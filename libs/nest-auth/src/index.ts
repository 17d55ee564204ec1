export { IS_PUBLIC, Public, REQUIRED_SCOPES, RequireScope } from './access-rule.js';
export { AccessTokenGuard } from './access-token.guard.js';
export { AllowStaleRevocations, STALE_REVOCATIONS } from './allow-stale-revocations.js';
export { CountersignAuthModule } from './countersign-auth.module.js';
export type { CountersignAuthExtras, CountersignAuthOptions } from './countersign-auth.module.js';
export { CurrentToken, currentToken } from './current-token.js';
export { CountersignPassportGuard } from './passport/countersign-passport.guard.js';
export { COUNTERSIGN_STRATEGY, CountersignStrategy } from './passport/countersign.strategy.js';
export { Refusal } from './refusal.js';
