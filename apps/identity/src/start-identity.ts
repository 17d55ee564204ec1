import type { Server } from 'node:https';
import { hostname } from 'node:os';
import { NestFactory } from '@nestjs/core';
import {
  addManagementRoutes,
  closeWithin,
  ConfigurationError,
  createHttpApp,
  createLogger,
  createManagementListener,
  createMetrics,
  latchedReadiness,
  limitConnections,
  measureVerifier,
  NestLogger,
  readTls,
  rememberConnections,
  renewCertificates,
  retireConnections,
} from '@countersign/service-host';
import type { RunningService } from '@countersign/service-host';
import type { INestApplicationContext } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { AuditSealer } from './audit/audit-sealer.js';
import { PersonalPurge } from './audit/personal-purge.js';
import { loadConfig } from './config/identity-config.js';
import type { IdentityConfig } from './config/identity-config.js';
import { CredentialsPurge } from './credentials/credentials-purge.js';
import { BreachedPasswords, UnusablePasswordFile } from './credentials/breached-passwords.js';
import { PasswordHasher } from './credentials/password-hasher.js';
import { AttemptCounters } from './guessing/attempt-counters.js';
import { RequestLimits } from './guessing/request-limits.js';
import { createIdentityDataSource } from './identity-data-source.js';
import { addForwardAuthRoutes } from './forward-auth/forward-auth-routes.js';
import { addGatewayQuestion } from './forward-auth/gateway-question.js';
import { GatewayPeers } from './forward-auth/gateway-peers.js';
import { startForwardAuth } from './forward-auth/start-forward-auth.js';
import { IdentityModule } from './identity.module.js';
import { measureIdentity } from './identity-metrics.js';
import { acceptFormsForOAuth } from './listeners/accept-forms.js';
import { guardAgainstOtherPages } from './listeners/front-ends.js';
import { operatorDocument } from './listeners/operator-document.js';
import { publicDocument } from './listeners/public-document.js';
import { serviceDocument } from './listeners/service-document.js';
import { domainProblem } from './listeners/problems.js';
import { OperatorListenerModule } from './listeners/operator-listener.module.js';
import { PublicListenerModule } from './listeners/public-listener.module.js';
import { ServiceListenerModule } from './listeners/service-listener.module.js';
import { MailDelivery } from './mail/mail-delivery.js';
import { MasterKeysOutOfOrder } from './master-key/master-key-order.js';
import { MasterKeyPresence } from './master-key/master-key-presence.js';
import { MasterKeyRegistry } from './master-key/master-key-registry.js';
import { addOpenApiRoutes } from './openapi/openapi-routes.js';
import { createOwnVerifier } from './own-verifier/own-verifier.js';
import { Database } from './platform/database.js';
import { Ids, RandomIds } from './platform/ids.js';
import type { Platform } from './platform/platform.module.js';
import { SystemClock } from './platform/system-clock.js';
import { AwaitedReceipts } from './relying-services/awaited-receipts.js';
import { CheckInClock } from './relying-services/check-in-clock.js';
import { CheckIns } from './relying-services/check-ins.js';
import { readDeclaredServices } from './relying-services/declared-services.js';
import { Purge } from './relying-services/purge.js';
import { authenticateService } from './relying-services/relying-service.guard.js';
import { RelyingServices } from './relying-services/relying-services.js';
import { measureRelay } from './revocation-relay/relay-metrics.js';
import { RevocationRelay } from './revocation-relay/revocation-relay.js';
import { HeartbeatProof } from './revocation/heartbeat-proof.js';
import { RevocationFeed } from './revocation/revocation-feed.js';
import { RevocationLog } from './revocation/revocation-log.js';
import { MasterKeys } from './sealing/master-keys.js';
import { SEALED_COLUMNS } from './sealed-columns.js';
import { OwnCookies } from './sessions/delivery/own-cookies.js';
import { SessionLookup } from './sessions/session-lookup.js';
import { SessionTokens } from './sessions/session-tokens.js';
import { missingRights } from './service-rights.js';
import { KeyRing } from './signing-keys/key-ring.js';
import { RotationDriver } from './signing-keys/rotation-driver.js';

/** SQLSTATE. */
const INSUFFICIENT_PRIVILEGE = '42501';

/** How long requests under way may take once identity stops. */
const DRAIN_MS = 4_000;
/** The same for what operators have asked last, when everybody else has been served. */
const OPERATOR_DRAIN_MS = 500;

/**
 * Brings identity up: checks the configuration and the schema, opens keys, starts the revocation feed, then its three
 * listeners.
 *
 * @throws {ConfigurationError} naming all faults at once
 */
export async function startIdentity(
  env: Readonly<Record<string, string | undefined>>,
): Promise<RunningService> {
  const config = loadConfig(env);
  const { masterKeys, declared } = readFiles(config);
  const logger = createLogger({
    name: 'identity',
    level: config.LOG_LEVEL,
    format: config.LOG_FORMAT,
  });
  const metrics = createMetrics();
  const database = new Database(
    createIdentityDataSource(config.DATABASE_URL, config.DATABASE_POOL_SIZE),
  );
  await openDatabase(database);
  const platform = {
    config,
    logger,
    metrics,
    clock: new SystemClock(),
    ids: new RandomIds(),
    database,
    masterKeys,
  };
  const masterKeyPresence = await announceMasterKeys(platform);
  const identity = await createIdentityContext(platform);

  await identity.get(RelyingServices).reconcile(declared);
  await identity.get(RevocationLog).noteLifetime(config.ACCESS_TOKEN_TTL_SECONDS);
  await identity.get(HeartbeatProof).load();
  const auditSealer = identity.get(AuditSealer);
  await auditSealer.load();
  const keyRing = identity.get(KeyRing);
  await keyRing.load();
  const rotation = identity.get(RotationDriver);
  await rotation.start();
  const feed = identity.get(RevocationFeed);
  await feed.start();
  const awaitedReceipts = identity.get(AwaitedReceipts);
  await awaitedReceipts.start();
  const relay = identity.get(RevocationRelay);
  relay.start();
  measureRelay(metrics, relay);
  const breached = identity.get(BreachedPasswords);
  await openPasswordFile(breached);
  const passwords = identity.get(PasswordHasher);
  await passwords.start();
  const attempts = identity.get(AttemptCounters);
  attempts.start();
  const measured = measureVerifier(metrics);
  const verifier = createOwnVerifier(
    config,
    { keyRing, feed, checkIns: identity.get(CheckIns) },
    measured.onOutcome,
  );
  measured.watch(verifier);
  measureIdentity(metrics, identity);
  await verifier.ready();

  const httpOptions = {
    logger,
    metrics,
    trustedProxies: config.TRUSTED_PROXIES,
    problems: [domainProblem],
  };
  const outward = { ...httpOptions, tls: readTls(config) };
  const swapping = await startForwardAuth({
    config,
    metrics,
    verifier,
    lookup: identity.get(SessionLookup),
    tokens: identity.get(SessionTokens),
    cookies: identity.get(OwnCookies),
    ids: identity.get(Ids),
    follow: async (send) =>
      feed.subscribe({ local: true, send }, await identity.get(RevocationLog).head()),
  });
  const publicApp = await createHttpApp(PublicListenerModule.of(identity, verifier), outward);
  const serviceApp = await createHttpApp(ServiceListenerModule.of(identity), outward);
  for (const app of [publicApp, serviceApp]) acceptFormsForOAuth(app);
  guardAgainstOtherPages(publicApp, identity.get(OwnCookies), config.TRUSTED_ORIGINS);
  const requestLimits = identity.get(RequestLimits);
  addOpenApiRoutes(fastifyOf(publicApp), '/auth', publicDocument(), (request) =>
    requestLimits.count(request),
  );
  addOpenApiRoutes(fastifyOf(serviceApp), '', serviceDocument());
  addForwardAuthRoutes(fastifyOf(serviceApp), {
    forwardAuth: swapping.forwardAuth,
    peers: new GatewayPeers(config.FORWARD_AUTH_PEERS),
    problemOf: domainProblem,
  });
  const services = identity.get(RelyingServices);
  addGatewayQuestion(fastifyOf(serviceApp), {
    forwardAuth: swapping.forwardAuth,
    isGateway: async (request) => services.isGateway(await authenticateService(services, request)),
    problemOf: domainProblem,
  });
  let serving = false;
  const life = latchedReadiness(() => {
    const missing = [...(serving ? [] : ['not listening yet']), ...verifier.state().missing];
    return { ready: missing.length === 0, missing };
  });
  const operatorApp = await createHttpApp(OperatorListenerModule.of(identity), httpOptions);
  const operatorRoutes = fastifyOf(operatorApp);
  addOpenApiRoutes(operatorRoutes, '/operator', operatorDocument());
  const management = {
    logger,
    metrics,
    readiness: () =>
      keyRing.canSign() ? life.readiness() : { ready: false, missing: ['no signing key'] },
  };
  addManagementRoutes(operatorRoutes, management);
  const managementApp = createManagementListener(management);
  const listeners = [publicApp, serviceApp, operatorApp].map(
    (app) => app.getHttpServer() as Server,
  );
  limitConnections([...listeners, managementApp.server], config.MAX_CONNECTIONS, metrics);
  for (const listener of listeners) rememberConnections(listener);
  await operatorApp.listen(config.OPERATOR_PORT, config.OPERATOR_BIND_HOST ?? config.BIND_HOST);
  if (config.MANAGEMENT_PORT !== undefined)
    await managementApp.listen({ port: config.MANAGEMENT_PORT, host: config.BIND_HOST });
  await serviceApp.listen(config.SERVICE_PORT, config.BIND_HOST);
  const checkInClock = identity.get(CheckInClock);
  checkInClock.start();
  await publicApp.listen(config.PUBLIC_PORT, config.BIND_HOST);
  serving = true;
  const purges = [
    identity.get(Purge).job,
    identity.get(CredentialsPurge).job,
    identity.get(PersonalPurge).job,
  ];
  for (const purge of purges) purge.start();
  const mails = identity.get(MailDelivery);
  mails.start();
  auditSealer.start();
  // Asked now, so that it holds even if nobody else has asked before something goes away.
  life.readiness();
  logger.info(
    {
      public: config.PUBLIC_PORT,
      service: config.SERVICE_PORT,
      operator: config.OPERATOR_PORT,
      management: config.MANAGEMENT_PORT,
      issuer: config.ISSUER_URL,
    },
    'identity is listening',
  );

  const servers = [publicApp.getHttpServer(), serviceApp.getHttpServer()];
  const endRenewal = renewCertificates(servers as Server[], config, logger);
  const drainMs = config.DRAIN_SECONDS * 1000;
  return {
    logger,
    drainMs,
    async stop() {
      life.drain();
      await retireConnections(servers, drainMs);
      endRenewal();
      checkInClock.stop();
      feed.dismissReaders();
      await Promise.all([
        closeWithin(publicApp.getHttpServer(), () => publicApp.close(), DRAIN_MS),
        closeWithin(serviceApp.getHttpServer(), () => serviceApp.close(), DRAIN_MS),
      ]);
      swapping.stop();
      // Until the last request was answered, this instance heard of revocations like any other.
      await verifier.close();
      awaitedReceipts.stop();
      for (const purge of purges) await purge.stop();
      await mails.stop();
      await rotation.stop();
      await relay.stop();
      await feed.stop();
      await closeWithin(operatorApp.getHttpServer(), () => operatorApp.close(), OPERATOR_DRAIN_MS);
      await managementApp.close();
      passwords.close();
      await breached.close();
      attempts.stop();
      await auditSealer.stop();
      await identity.close();
      await masterKeyPresence.stop();
      await database.close();
    },
  };
}

function fastifyOf(app: NestFastifyApplication): FastifyInstance {
  return app.getHttpAdapter().getInstance();
}

/** @throws {ConfigurationError} when these are not the master keys to start with; the database is closed then */
async function announceMasterKeys(platform: Platform): Promise<MasterKeyPresence> {
  const { database, masterKeys, ids, logger } = platform;
  const registry = new MasterKeyRegistry(database, SEALED_COLUMNS);
  const name = `${hostname()} (process ${String(process.pid)})`;
  const holder = { instanceId: ids.uuid(), name };
  const presence = new MasterKeyPresence(registry, masterKeys, holder, logger);
  try {
    await presence.start();
  } catch (error) {
    await database.close();
    if (error instanceof MasterKeysOutOfOrder) throw new ConfigurationError(error.faults);
    throw error;
  }
  return presence;
}

/** @throws {ConfigurationError} */
async function openPasswordFile(breached: BreachedPasswords): Promise<void> {
  try {
    await breached.load();
  } catch (error) {
    if (error instanceof UnusablePasswordFile)
      throw new ConfigurationError([`BREACHED_PASSWORDS_FILE: ${error.message}`]);
    throw error;
  }
}

/** The features without listeners; also what the command line works with. */
export function createIdentityContext(platform: Platform): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(IdentityModule.on(platform), {
    logger: new NestLogger(platform.logger),
    abortOnError: false,
  });
}

/** @throws {ConfigurationError} when the database is away or its schema is not the one this build needs */
async function openDatabase(database: Database): Promise<void> {
  try {
    await database.source.initialize();
  } catch (error) {
    throw new ConfigurationError([
      `DATABASE_URL: no connection to the database: ${(error as Error).message}`,
    ]);
  }
  await requireSchema(database);
}

/** @throws {ConfigurationError} when the schema, or the rights on it, are not what this build needs; the database is closed then */
export async function requireSchema(database: Database): Promise<void> {
  try {
    const fault = await schemaFault(database);
    if (fault !== undefined) throw new ConfigurationError([fault]);
  } catch (error) {
    // What is open would keep the process alive.
    await database.close();
    throw error;
  }
}

async function schemaFault(database: Database): Promise<string | undefined> {
  const { role, missing } = await database.run(missingRights);
  if (missing.length > 0) {
    return `the database role ${role} lacks rights (${missing.join(', ')}): run "countersign migrate --grant-to ${role}" as the owner of the tables`;
  }
  return (await lacksMigrations(database))
    ? 'the database schema is not up to date: run "countersign migrate" first'
    : undefined;
}

/** TypeORM makes its own table where it is missing, which the role of the service may not. */
async function lacksMigrations({ source }: Database): Promise<boolean> {
  try {
    return await source.showMigrations();
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === INSUFFICIENT_PRIVILEGE) return true;
    throw error;
  }
}

function readFiles(config: IdentityConfig) {
  const faults: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      faults.push((error as Error).message);
      return undefined;
    }
  };
  const masterKeys = attempt(() => MasterKeys.fromSettings(config));
  const declared = attempt(() => readDeclaredServices(config.RELYING_SERVICES_FILE));
  if (!masterKeys || !declared) throw new ConfigurationError(faults);
  return { masterKeys, declared };
}
