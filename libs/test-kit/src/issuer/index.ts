export { startTestIssuer } from './start-test-issuer.js';
export type { TestIssuer } from './start-test-issuer.js';
export type { TestCheckIn } from './issuer-server.js';
export type { TestRevocation } from './test-revocations.js';
