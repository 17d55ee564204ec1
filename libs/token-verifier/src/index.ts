export type { AccessToken } from './tokens/access-token.js';
export { authenticateRequest } from './requests/authenticate-request.js';
export type { AuthenticatedRequest, RequestRequirements } from './requests/authenticate-request.js';
export { cookieValues } from './requests/cookie-header.js';
export { readBearerCredentials } from './requests/bearer-credentials.js';
export type { BearerCredentials } from './requests/bearer-credentials.js';
export type { VerifierClock } from './clock.js';
export {
  currentToken,
  forgetToken,
  rememberedToken,
  rememberToken,
} from './requests/current-token.js';
export { requireToken } from './requests/require-token.js';
export type { GuardedRequest, GuardedResponse } from './requests/require-token.js';
export { createTokenVerifier } from './create-token-verifier.js';
export type { Environment } from './environment-settings.js';
export type { TokenVerifierOptions, VerifierSettings } from './token-verifier-options.js';
export { requireKnownNames } from './known-names.js';
export { isSafeUrl } from './fetching/discovery.js';
export {
  isTokenRejected,
  isVerifierUnavailable,
  REJECTION_CODES,
  TokenRejected,
  UNAVAILABILITY_CODES,
  VerifierUnavailable,
} from './errors.js';
export type { RejectionCode, UnavailabilityCode } from './errors.js';
export {
  answerToMissingScope,
  answerToUnacceptedToken,
  answerToUnusableCredentials,
  answerToVerifyError,
  REFUSALS,
} from './requests/http-answer.js';
export type { HttpAnswer, RefusalCode, RefusalProblem } from './requests/http-answer.js';
export type { OnKeyFetch } from './keys/jwks-client.js';
export type { KeyAges } from './keys/key-ages.js';
export { keyFile } from './keys/key-file.js';
export type { KeyStore, StoredKeys } from './keys/key-file.js';
export { parseKeySet } from './keys/key-set.js';
export type { KeySet } from './keys/key-set.js';
export {
  ACCESS_COOKIE,
  cookiePolicy,
  readRequestCredentials,
  SESSION_COOKIE,
} from './requests/request-credentials.js';
export type {
  CookiePolicy,
  CookiePolicyOptions,
  RequestCredentials,
  UnusableCredentials,
} from './requests/request-credentials.js';
export { isSameOrigin, needsSameOrigin } from './requests/same-origin.js';
export type { RequestHead } from './requests/same-origin.js';
export type {
  CheckInAnswer,
  CheckInPort,
  CheckInReport,
  KeyFetchOutcome,
  KeySource,
  KeySourceState,
  RevocationSink,
  RevocationSource,
  SourceState,
} from './sources.js';
export type {
  RevocationParts,
  RevocationsState,
  StaleRevocations,
} from './revocation/revocations.js';
export { systemClock } from './system-clock.js';
export { TokenVerifier } from './token-verifier.js';
export type {
  Outcome,
  Trace,
  VerifierParts,
  VerifierState,
  VerifyOptions,
  WatchOptions,
} from './token-verifier.js';
