import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { operatorDocument } from '../src/listeners/operator-document.js';
import { publicDocument } from '../src/listeners/public-document.js';
import { serviceDocument } from '../src/listeners/service-document.js';
import { startIdentity } from '../src/start-identity.js';
import { freePorts } from './free-ports.js';
import { TEST_MASTER_KEYS } from './identity-under-test.js';
import { DocumentedAnswers } from './documented-answers.mjs';

/** The secret of every declared relying service: `orders`, `payments`, and `gateway`, which has no audience. */
export const SERVICE_SECRET = 'a-secret-of-the-services';

/** Limits that no test reaches which is not about them. */
const NO_LIMITS_REACHED = {
  SIGN_IN_FREE_FAILURES: '1000000',
  SIGN_IN_FAILURES_PER_ADDRESS: '1000000/60',
  SIGN_IN_FAILURES_PER_NETWORK: '1000000/60',
  SIGN_IN_FAILURES_IN_ALL: '1000000/60',
  PASSWORD_CHECKS_PER_ACCOUNT: '1000000/60',
  RIGHT_PASSWORDS: '1000000/60',
  MESSAGES_PER_EMAIL: '1000000/60',
  MESSAGES_PER_ADDRESS: '1000000/60',
  MESSAGES_PER_NETWORK: '1000000/60',
  MESSAGES_IN_ALL: '1000000/60',
  EMAIL_TOKEN_FAILURES_PER_ADDRESS: '1000000/60',
  REFRESHES_PER_ADDRESS: '1000000/60',
  REFRESHES_PER_NETWORK: '1000000/60',
  REQUESTS_PER_ADDRESS: '1000000/60',
  REQUESTS_PER_NETWORK: '1000000/60',
  CLIENT_FAILURES_PER_CLIENT: '1000000/60',
  CLIENT_FAILURES_PER_ADDRESS: '1000000/60',
};

/** A replica of identity with its listeners, in this process. */
export interface ServingIdentity {
  /** Origins. */
  readonly public: string;
  readonly service: string;
  readonly operator: string;
  /** @throws {Error} when an answer was not as documented */
  stop(): Promise<void>;
}

/** Starts identity on the database of a replica from `startReplica`, with the issuer and master keys of that. */
export async function startServing(
  databaseUrl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServingIdentity> {
  const folder = mkdtempSync(join(tmpdir(), 'identity-serving-'));
  const declared = ['orders', 'payments', 'gateway'].map((id) => ({
    id,
    audience: id === 'gateway' ? null : id,
    secret_sha256: createHash('sha256').update(SERVICE_SECRET).digest('hex'),
  }));
  writeFileSync(join(folder, 'keys'), TEST_MASTER_KEYS);
  writeFileSync(join(folder, 'services'), JSON.stringify(declared));
  const [open, service, operator] = await freePorts(3);
  const at = (port: number | undefined) => `http://127.0.0.1:${String(port)}`;
  const running = await startIdentity({
    ISSUER_URL: 'http://localhost:8080',
    SERVICE_URL: at(service),
    DATABASE_URL: databaseUrl,
    MASTER_KEY_FILE: join(folder, 'keys'),
    RELYING_SERVICES_FILE: join(folder, 'services'),
    MAIL_DIR: folder,
    PUBLIC_PORT: String(open),
    SERVICE_PORT: String(service),
    OPERATOR_PORT: String(operator),
    LOG_LEVEL: 'fatal',
    ARGON2_MEMORY_KIB: '19456',
    ARGON2_PASSES: '2',
    ...NO_LIMITS_REACHED,
    ...settings,
  });
  const faults: string[] = [];
  const tell = (fault: string) => faults.push(fault);
  const watches = [
    new DocumentedAnswers(publicDocument(), tell).watch(Number(open)),
    new DocumentedAnswers(serviceDocument(), tell).watch(Number(service)),
    new DocumentedAnswers(operatorDocument(), tell).watch(Number(operator)),
  ];
  return {
    public: at(open),
    service: at(service),
    operator: at(operator),
    async stop() {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
      for (const endWatch of watches) endWatch();
      if (faults.length > 0) throw new Error(`not as documented:\n${faults.join('\n')}`);
    },
  };
}
