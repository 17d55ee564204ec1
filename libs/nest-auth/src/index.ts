/** Of this very copy, whichever copy of its package made the verifier: the class under which it is provided, and its tokens. */
export { currentToken, TokenVerifier } from '@countersign/token-verifier';
export { Public, RequireScope } from './access-decorators.js';
export { isPublicRoute } from './access-rule.js';
export { AccessTokenGuard } from './access-token.guard.js';
export { AllowStaleRevocations } from './allow-stale-revocations.js';
export { CountersignAuthModule } from './countersign-auth.module.js';
export type { CountersignAuthExtras, CountersignAuthOptions } from './countersign-auth.module.js';
export { CurrentToken } from './current-token.js';
export {
  CountersignAuthGuard,
  CountersignPassportGuard,
} from './passport/countersign-passport.guard.js';
export { CountersignStrategy } from './passport/countersign.strategy.js';
export { passportJwtKeyProvider } from './passport/passport-jwt-key-provider.js';
export type { PassportJwtKeyProvider } from './passport/passport-jwt-key-provider.js';
export { Refusal } from './refusal.js';
export { RequestAuthenticator } from './request-authenticator.js';
