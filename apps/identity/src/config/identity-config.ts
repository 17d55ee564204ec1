import {
  ConfigurationError,
  hostSettings,
  origin,
  originList,
  port,
  proxyList,
  readEnvironment,
  redisSettings,
  stalenessLimits,
} from '@countersign/service-host';
import { isRedisUrl } from '@countersign/revocation-redis';
import { z } from 'zod';
import { argon2Settings, costsEnough } from './argon2-settings.js';
import { attemptSettings } from './attempt-settings.js';
import { mailFaults, mailSettings } from './mail-settings.js';
import type { MasterKeySettings } from '../sealing/master-keys.js';

const seconds = (min: number, max: number, fallback: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const itemsOf = (list: string) =>
  list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const settings = z.object({
  ...hostSettings,
  ...redisSettings(isRedisUrl),
  /** The public origin of the gateway: `iss` of every token. */
  ISSUER_URL: origin,
  /** The origin under which relying services reach the service listener. */
  SERVICE_URL: origin,
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(2).max(100).default(10),
  /** The keys that seal secrets in the database: a file of them, or the same text here. One of the two. */
  MASTER_KEY_FILE: z.string().optional(),
  MASTER_KEY: z.string().optional(),
  RELYING_SERVICES_FILE: z.string(),
  ...mailSettings,
  PUBLIC_PORT: port.default(3000),
  SERVICE_PORT: port.default(3005),
  OPERATOR_PORT: port.default(3010),
  /** Whose `X-Forwarded-*` count: addresses or CIDRs, separated by commas. Default: nobody's. */
  TRUSTED_PROXIES: proxyList,
  /** Gateways that may ask about requests at the service listener, by address or CIDR, separated by commas. Default: none. */
  FORWARD_AUTH_PEERS: proxyList,
  /** The longest of all relying services: how long a silent one is waited for. */
  STALENESS_LIMITS: stalenessLimits,
  ACCESS_TOKEN_TTL_SECONDS: seconds(30, 900, 300),
  /** How long a key signs, and how long the next one is published before it does. */
  KEY_ROTATION_SECONDS: seconds(60, 366 * 86_400, 30 * 86_400),
  KEY_PUBLICATION_SECONDS: seconds(1, 30 * 86_400, 86_400),
  /** The longest that any gateway or verifier in use keeps the JWKS: no key signs sooner after its publication. */
  JWKS_CACHE_SECONDS: seconds(1, 86_400, 300),
  /** How long the next key then waits for every instance to report it, and what happens past that. */
  KEY_ACTIVATION_PATIENCE_SECONDS: seconds(0, 30 * 86_400, 86_400),
  KEY_ACTIVATION_PAST_DEADLINE: z.enum(['go_on', 'hold']).default('go_on'),
  SESSION_TTL_SECONDS: seconds(60, 7 * 86_400, 12 * 3600),
  REMEMBERED_SESSION_TTL_SECONDS: seconds(60, 366 * 86_400, 30 * 86_400),
  /** A session that is not used for so long is over. */
  SESSION_IDLE_SECONDS: seconds(60, 7 * 86_400, 3600),
  REMEMBERED_SESSION_IDLE_SECONDS: seconds(60, 366 * 86_400, 7 * 86_400),
  /** How many live sessions an account may have; a sign-in past that ends the one that was not used for longest. */
  SESSIONS_PER_ACCOUNT: z.coerce.number().int().min(1).max(1_000_000).default(100),
  /** For so long sessions that are over are kept, for their owners and for operators. */
  SESSION_RETENTION_SECONDS: seconds(3600, 366 * 86_400, 30 * 86_400),
  /** For so long after a refresh the spent refresh token gives the same successor again; 0: never. */
  REFRESH_GRACE_SECONDS: seconds(0, 60, 10),
  /** How many sessions one replica refreshes in a second; others are told when to come again. */
  REFRESHES_PER_SECOND: z.coerce.number().int().min(1).max(10_000).default(200),
  /** How many sessions whose token is not remembered one replica looks up for gateways in a second; others are told when to come again. */
  SWAPS_PER_SECOND: z.coerce.number().int().min(1).max(10_000).default(200),
  /** Access tokens live up to so much shorter than they may, at random. */
  EXPIRY_JITTER_PERCENT: z.coerce.number().int().min(0).max(50).default(5),
  /** Origins of front ends elsewhere whose pages may use cookies of ours, separated by commas. Default: none. */
  TRUSTED_ORIGINS: originList,
  EMAIL_TOKEN_TTL_SECONDS: seconds(60, 7 * 86_400, 86_400),
  PASSWORD_RESET_TTL_SECONDS: seconds(60, 86_400, 1_800),
  /** Words that everybody here knows, such as the names of your products, separated by commas: a password must be more than them. */
  PASSWORD_CONTEXT_WORDS: z
    .string()
    .default('countersign')
    .transform(itemsOf)
    .pipe(
      z.array(z.string().min(3, 'must be words of three characters or more').max(100)).max(1000),
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
  for (const [name, message] of mailFaults(given)) fault(name, message);
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
  const ports = [given.PUBLIC_PORT, given.SERVICE_PORT, given.OPERATOR_PORT].filter(
    (number) => number !== 0,
  );
  if (new Set(ports).size !== ports.length) {
    fault('PUBLIC_PORT', 'PUBLIC_PORT, SERVICE_PORT and OPERATOR_PORT must differ');
  }
});

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
  return readWithMasterKey(related, env);
}

/** What the `migrate` command needs. */
export function loadDatabaseUrl(env: Readonly<Record<string, string | undefined>>): string {
  return readEnvironment(settings.pick({ DATABASE_URL: true }), env).DATABASE_URL;
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
