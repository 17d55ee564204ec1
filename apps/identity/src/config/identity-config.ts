import {
  ConfigurationError,
  hostSettings,
  origin,
  originList,
  port,
  proxyList,
  readEnvironment,
  redisSettings,
  secretFile,
  stalenessLimits,
  tlsFaults,
  tlsSettings,
} from '@countersign/service-host';
import { isRedisUrl } from '@countersign/revocation-redis';
import { z } from 'zod';
import { argon2Settings, costsEnough } from './argon2-settings.js';
import { attemptSettings } from './attempt-settings.js';
import { mailFaults, mailSettings } from './mail-settings.js';
import type { MasterKeySettings } from '../sealing/master-keys.js';

const seconds = (min: number, max: number, fallback: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const databaseUrl = z.url({ protocol: /^postgres(ql)?$/ });

/** How much one replica does in a second before it tells others when to come again. */
const perSecond = z.coerce.number().int().min(1).max(10_000).default(200);

const itemsOf = (list: string) =>
  list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** Every setting, with what it is for. */
/** Nothing personal is erased by its age before it is so old. */
export const LEAST_PERSONAL_RETENTION_DAYS = 7;

export const settings = z.object({
  ...hostSettings,
  ...redisSettings(isRedisUrl),
  /** For the public and the service listener. Operators and probes come to the third on loopback or inside the pod's network. */
  ...tlsSettings,
  ISSUER_URL: origin.describe('The public origin of the gateway: `iss` of every token.'),
  SERVICE_URL: origin.describe(
    'The origin under which relying services reach the service listener.',
  ),
  DATABASE_URL: databaseUrl.describe(
    'The database, as the role that serves. `countersign migrate` takes `MIGRATION_DATABASE_URL` first, that of the owner of the tables.',
  ),
  DATABASE_PASSWORD_FILE: secretFile
    .optional()
    .describe('A file with the password, which is used instead of one in `DATABASE_URL`.'),
  DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(2)
    .max(100)
    .default(10)
    .describe('Connections of one replica.'),
  MASTER_KEY_FILE: z
    .string()
    .optional()
    .describe('A file with the keys that seal secrets in the database. This or `MASTER_KEY`.'),
  MASTER_KEY: z.string().optional().describe('The text of that file.'),
  RELYING_SERVICES_FILE: z
    .string()
    .describe('The services that verify: a list of `{id, audience, secret_sha256}`.'),
  ...mailSettings,
  PUBLIC_PORT: port.default(3000).describe('The listener for everybody, behind the gateway.'),
  SERVICE_PORT: port.default(3005).describe('The listener for relying services and gateways.'),
  OPERATOR_PORT: port.default(3010).describe('The listener for operators, health and metrics.'),
  OPERATOR_BIND_HOST: z
    .string()
    .optional()
    .describe('The address that this one listens on. Default: `BIND_HOST`.'),
  MANAGEMENT_PORT: port
    .optional()
    .describe(
      'A listener for health and metrics alone, at `BIND_HOST`: for probes and monitoring that are not to reach the operator listener.',
    ),
  TRUSTED_PROXIES: proxyList.describe(
    "Whose `X-Forwarded-*` count: addresses or CIDRs, separated by commas. Default: nobody's.",
  ),
  FORWARD_AUTH_PEERS: proxyList.describe(
    'Gateways that may ask about requests at the service listener, by address or CIDR, separated by commas. Default: none.',
  ),
  STALENESS_LIMITS: stalenessLimits.describe(
    "`soft/hard`, of identity's own verifier: how old the newest proof may be. Relying services are waited for by the limit that each reports.",
  ),
  ACCESS_TOKEN_TTL_SECONDS: seconds(30, 900, 300).describe(
    'How long an access token lives, at most.',
  ),
  KEY_ROTATION_SECONDS: seconds(60, 366 * 86_400, 30 * 86_400).describe('How long a key signs.'),
  KEY_PUBLICATION_SECONDS: seconds(1, 30 * 86_400, 86_400).describe(
    'How long the next key is published before it signs.',
  ),
  JWKS_CACHE_SECONDS: seconds(1, 86_400, 300).describe(
    'The longest that any gateway or verifier in use keeps the JWKS: no key signs sooner after its publication.',
  ),
  KEY_ACTIVATION_PATIENCE_SECONDS: seconds(0, 30 * 86_400, 86_400).describe(
    'How long the next key then waits for every instance to report it.',
  ),
  KEY_ACTIVATION_PAST_DEADLINE: z
    .enum(['go_on', 'hold'])
    .default('go_on')
    .describe('What happens past that.'),
  SESSION_TTL_SECONDS: seconds(60, 7 * 86_400, 12 * 3600).describe(
    'How long a session lasts, at most.',
  ),
  REMEMBERED_SESSION_TTL_SECONDS: seconds(60, 366 * 86_400, 30 * 86_400).describe(
    'The same for one that is to be remembered.',
  ),
  SESSION_IDLE_SECONDS: seconds(60, 7 * 86_400, 3600).describe(
    'A session that is not used for so long is over.',
  ),
  REMEMBERED_SESSION_IDLE_SECONDS: seconds(60, 366 * 86_400, 7 * 86_400).describe(
    'The same for one that is to be remembered.',
  ),
  SESSIONS_PER_ACCOUNT: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(100)
    .describe(
      'How many live sessions an account may have; a sign-in past that ends the one that was not used for longest.',
    ),
  SESSION_RETENTION_SECONDS: seconds(3600, 366 * 86_400, 30 * 86_400).describe(
    'For so long sessions that are over are kept, for their owners and for operators.',
  ),
  AUDIT_PERSONAL_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(LEAST_PERSONAL_RETENTION_DAYS)
    .max(3_660)
    .default(365)
    .describe(
      'For so many days the audit log keeps the address, user agent and device name of a row; the row itself stays.',
    ),
  REFRESH_GRACE_SECONDS: seconds(0, 60, 10).describe(
    'For so long after a refresh the spent refresh token gives the same successor again; 0: never.',
  ),
  REFRESHES_PER_SECOND: perSecond.describe(
    'How many sessions one replica refreshes in a second; others are told when to come again.',
  ),
  SWAPS_PER_SECOND: perSecond.describe(
    'How many sessions whose token is not remembered one replica looks up for gateways in a second; others are told when to come again.',
  ),
  EXPIRY_JITTER_PERCENT: z.coerce
    .number()
    .int()
    .min(0)
    .max(50)
    .default(5)
    .describe('Access tokens live up to so much shorter than they may, at random.'),
  TRUSTED_ORIGINS: originList.describe(
    'Origins of front ends elsewhere whose pages may use cookies of ours, separated by commas. Default: none.',
  ),
  EMAIL_TOKEN_TTL_SECONDS: seconds(60, 7 * 86_400, 86_400).describe(
    'How long the token of a message is good for.',
  ),
  PASSWORD_RESET_TTL_SECONDS: seconds(60, 86_400, 1_800).describe(
    'The same for a forgotten password.',
  ),
  PASSWORD_CONTEXT_WORDS: z
    .string()
    .default('countersign')
    .transform(itemsOf)
    .pipe(
      z.array(z.string().min(3, 'must be words of three characters or more').max(100)).max(1000),
    )
    .describe(
      'Words that everybody here knows, such as the names of your products, separated by commas: a password must be more than them.',
    ),
  BREACHED_PASSWORDS_FILE: z
    .string()
    .optional()
    .describe(
      'A file of SHA-1 hashes of breached passwords, sorted, as "Pwned Passwords" can be downloaded: none of them can be set.',
    ),
  ...argon2Settings,
  ...attemptSettings,
});

const related = settings.superRefine((given, context) => {
  const fault = (name: string, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message });
  if (!costsEnough(given.ARGON2_MEMORY_KIB, given.ARGON2_PASSES)) {
    fault(
      'ARGON2_PASSES',
      "together with ARGON2_MEMORY_KIB it is weaker than every row of OWASP's list",
    );
  }
  for (const [name, message] of [...mailFaults(given), ...tlsFaults(given)]) fault(name, message);
  if (given.ACCESS_TOKEN_TTL_SECONDS > given.SESSION_TTL_SECONDS) {
    fault('ACCESS_TOKEN_TTL_SECONDS', 'a token must not outlive its session (SESSION_TTL_SECONDS)');
  }
  if (given.SIGN_IN_FIRST_DELAY_SECONDS > given.SIGN_IN_LONGEST_DELAY_SECONDS) {
    fault('SIGN_IN_FIRST_DELAY_SECONDS', 'must not be longer than SIGN_IN_LONGEST_DELAY_SECONDS');
  }
  if (given.SESSION_TTL_SECONDS > given.REMEMBERED_SESSION_TTL_SECONDS) {
    fault('SESSION_TTL_SECONDS', 'must not be longer than REMEMBERED_SESSION_TTL_SECONDS');
  }
  for (const name of ['SESSION_IDLE_SECONDS', 'REMEMBERED_SESSION_IDLE_SECONDS'] as const) {
    if (given[name] < given.ACCESS_TOKEN_TTL_SECONDS) {
      fault(name, 'a token must not outlive its session (ACCESS_TOKEN_TTL_SECONDS)');
    }
  }
  if (given.KEY_PUBLICATION_SECONDS < given.JWKS_CACHE_SECONDS) {
    fault(
      'KEY_PUBLICATION_SECONDS',
      'a key must be published for as long as the JWKS may be cached (JWKS_CACHE_SECONDS)',
    );
  }
  if (given.KEY_ROTATION_SECONDS < given.KEY_PUBLICATION_SECONDS) {
    fault(
      'KEY_ROTATION_SECONDS',
      'a key must sign for as long as the next one is published before it (KEY_PUBLICATION_SECONDS)',
    );
  }
  const ports = [
    given.PUBLIC_PORT,
    given.SERVICE_PORT,
    given.OPERATOR_PORT,
    given.MANAGEMENT_PORT ?? 0,
  ].filter((number) => number !== 0);
  if (new Set(ports).size !== ports.length) {
    fault(
      'PUBLIC_PORT',
      'PUBLIC_PORT, SERVICE_PORT, OPERATOR_PORT and MANAGEMENT_PORT must differ',
    );
  }
});

const database = settings.pick({ DATABASE_URL: true, DATABASE_PASSWORD_FILE: true });

/** The settings with the database's password where connections look for it: in `DATABASE_URL`. */
function withDatabasePassword<T extends z.output<typeof database>>(given: T): T {
  const { DATABASE_URL: url, DATABASE_PASSWORD_FILE: password } = given;
  return { ...given, DATABASE_URL: withPassword(url, password) };
}

function withPassword(databaseUrl: string, password: string | undefined): string {
  if (password === undefined) return databaseUrl;
  const url = new URL(databaseUrl);
  url.password = encodeURIComponent(password);
  return url.href;
}

/* eslint-disable @typescript-eslint/no-extraneous-class, @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   one name for the settings' type and their injection token; the class is never constructed */
/** The settings of identity, checked and frozen. Also the injection token. */
export abstract class IdentityConfig {}
export interface IdentityConfig extends Readonly<z.output<typeof settings>> {}
/* eslint-enable */

/**
 * Reads all settings.
 *
 * @throws {ConfigurationError} naming every fault at once
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): IdentityConfig {
  return readWithMasterKey(related.transform(withDatabasePassword), env);
}

/** What commands need that go straight to the database. */
export function loadDatabaseUrl(env: Readonly<Record<string, string | undefined>>): string {
  return readEnvironment(database.transform(withDatabasePassword), env).DATABASE_URL;
}

/** What the `migrate` command connects with: `MIGRATION_DATABASE_URL`, that of the role that owns the tables, or else `DATABASE_URL`. */
export function loadMigrationUrl(env: Readonly<Record<string, string | undefined>>): string {
  const own = z.object({
    MIGRATION_DATABASE_URL: databaseUrl.optional(),
    MIGRATION_DATABASE_PASSWORD_FILE: secretFile.optional(),
  });
  const { MIGRATION_DATABASE_URL: url, MIGRATION_DATABASE_PASSWORD_FILE: password } =
    readEnvironment(own, env);
  return url === undefined ? loadDatabaseUrl(env) : withPassword(url, password);
}

/** What commands that open sealed secrets need. */
export function loadMasterKeySettings(
  env: Readonly<Record<string, string | undefined>>,
): MasterKeySettings {
  return readWithMasterKey(settings.pick({ MASTER_KEY_FILE: true, MASTER_KEY: true }), env);
}

/** Looks at the master key whatever else is wrong, so that all faults are named at once. */
function readWithMasterKey<T extends z.ZodType>(
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<z.output<T>> {
  const faults = masterKeyFaults(env);
  try {
    const read = readEnvironment(schema, env);
    if (faults.length === 0) return read;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError([...error.faults, ...faults]);
  }
  throw new ConfigurationError(faults);
}

function masterKeyFaults({ MASTER_KEY_FILE: file = '', MASTER_KEY: text = '' }: MasterKeySettings) {
  if (file === '' && text === '') {
    return ['MASTER_KEY_FILE is required (or MASTER_KEY): it opens what is sealed in the database'];
  }
  const both = 'MASTER_KEY_FILE and MASTER_KEY are both set: take one of them away';
  return file !== '' && text !== '' ? [both] : [];
}
