export { ANSWER_HEADERS, protectAnswers } from './answer-headers.js';
export { closeWithin, rememberConnections } from './close-within.js';
export {
  ConfigurationError,
  hostSettings,
  origin,
  originList,
  port,
  proxyList,
  readEnvironment,
  secretFile,
  stalenessLimits,
} from './environment.js';
export { createHttpApp, fastifySettings, logRequests } from './http-app.js';
export type { HttpAppOptions } from './http-app.js';
export { invalidInput } from './input-validation.js';
export { createLogger, NestLogger } from './logger.js';
export type { Logger } from './logger.js';
export { refuseOtherForms } from './request-form.js';
export { limitConnections } from './limit-connections.js';
export { addManagementRoutes, createManagementListener } from './management-listener.js';
export type { ManagementOptions, Readiness } from './management-listener.js';
export { Counter, createMetrics, Gauge, Histogram, measureRequests, Registry } from './metrics.js';
export { OutageLog } from './outage-log.js';
export { GENERAL_PROBLEMS, makeProblem, ProblemError, problemForStatus } from './problem.js';
export type { GeneralProblemCode, InputFault, Problem } from './problem.js';
export { answerError, ProblemFilter, toProblemAnswer } from './problem-filter.js';
export type { ProblemAnswer, ProblemMapping } from './problem-filter.js';
export { latchedReadiness } from './readiness.js';
export type { LatchedReadiness } from './readiness.js';
export { reasonOf } from './reason.js';
export { redactText } from './redact.js';
export { redisConnection, redisSettings } from './redis-settings.js';
export type { RedisConnection, RedisSettings } from './redis-settings.js';
export { relyingServiceSettings, safeDiscovery } from './relying-service-settings.js';
export { isUnambiguousTarget } from './request-target.js';
export { retireConnections } from './retire-connections.js';
export { runService } from './run-service.js';
export type { RunningService } from './run-service.js';
export { startRelyingService } from './start-relying-service.js';
export type {
  HostedApp,
  HostedVerifier,
  RelyingService,
  StartedRelyingService,
} from './start-relying-service.js';
export { onBehalfOf, traced, tracedAlone, traceHeaders, traceRequests } from './tracing.js';
export type { IncomingRequest } from './tracing.js';
export { allowTrustedOrigins } from './trusted-origins.js';
export type { TrustedUse } from './trusted-origins.js';
export { readTls, renewCertificates, tlsFaults, tlsSettings } from './tls-files.js';
export type { TlsMaterial } from './tls-files.js';
export { measureVerifier } from './verifier-metrics.js';
export type { MeasuredVerifier, VerifierMetrics } from './verifier-metrics.js';
