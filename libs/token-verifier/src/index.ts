export type { AccessToken } from './access-token.js';
export { authenticateRequest } from './authenticate-request.js';
export type { AuthenticatedRequest, RequestRequirements } from './authenticate-request.js';
export { readBearerCredentials } from './bearer-credentials.js';
export type { BearerCredentials } from './bearer-credentials.js';
export type { VerifierClock } from './clock.js';
export { createTokenVerifier } from './create-token-verifier.js';
export type { TokenVerifierOptions } from './token-verifier-options.js';
export { isSafeUrl } from './discovery.js';
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
} from './http-answer.js';
export type { HttpAnswer, RefusalCode, RefusalProblem } from './http-answer.js';
export type { OnKeyFetch } from './jwks-client.js';
export type { KeyAges } from './key-ages.js';
export { keyFile } from './key-file.js';
export type { KeyStore, StoredKeys } from './key-file.js';
export { parseKeySet, readKeySet, UnusableKeySet } from './key-set.js';
export type { KeySet, ReadKeySet, SkipReason } from './key-set.js';
export {
  ACCESS_COOKIE,
  cookiePolicy,
  readRequestCredentials,
  SESSION_COOKIE,
} from './request-credentials.js';
export type {
  CookiePolicy,
  CookiePolicyOptions,
  RequestCredentials,
  UnusableCredentials,
} from './request-credentials.js';
export { isSameOrigin, needsSameOrigin, normalOrigin } from './same-origin.js';
export type { RequestHead } from './same-origin.js';
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
  RevocationFault,
  RevocationParts,
  RevocationsState,
  StaleRevocations,
} from './revocations.js';
export { KEY_FETCH_OUTCOMES } from './sources.js';
export { systemClock } from './system-clock.js';
export { TokenVerifier } from './token-verifier.js';
export type {
  Outcome,
  VerifierParts,
  VerifierState,
  VerifyOptions,
  WatchOptions,
} from './token-verifier.js';
