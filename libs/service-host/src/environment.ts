import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** A configuration that must not be started with. The message lists every fault, one per line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly faults: readonly string[]) {
    super(
      `the configuration has ${String(faults.length)} fault(s):\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
  }
}

/**
 * Reads settings from environment variables by a schema whose keys are the variables' names. Empty variables count as
 * absent. Values never appear in messages: one of them may be a secret.
 *
 * @returns a frozen object
 * @throws {ConfigurationError} naming all faults at once
 */
export function readEnvironment<T extends z.ZodType>(
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<z.output<T>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given, { reportInput: false });
  if (result.success) return Object.freeze(result.data as object) as Readonly<z.output<T>>;
  throw new ConfigurationError(
    result.error.issues.map(({ path, message, code }) => {
      const name = path.join('.');
      const absent = code === 'invalid_type' && given[name] === undefined;
      return name === ''
        ? message
        : `${name} ${absent ? 'is required' : `is not valid: ${message}`}`;
    }),
  );
}

/** A TCP port; 0 asks the system for a free one. */
export const port = z.coerce.number().int().min(0).max(65535);

/** An absolute http or https URL without a path of its own, normalised to an origin. */
export const origin = z
  .url({ protocol: /^https?$/, abort: true, error: 'must be an http or https URL' })
  .refine((url) => ['/', ''].includes(new URL(url).pathname), 'must be an origin, without a path')
  .transform((url) => new URL(url).origin);

/** Items, separated by commas. Default: none. */
const commaList = z
  .string()
  .default('')
  .transform((list) =>
    list
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

/** Origins, separated by commas. Default: none. */
export const originList = commaList.pipe(z.array(origin));

/** Addresses or CIDRs, separated by commas. Default: none. */
export const proxyList = commaList.pipe(
  z.array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()])),
);

/** The name of a file that holds one secret; gives the secret without surrounding white space. */
export const secretFile = z.string().transform((path, context) => {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (secret !== '') return secret;
    context.addIssue({ code: 'custom', message: 'the file is empty' });
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: `the file cannot be read (${(error as { code?: string }).code ?? 'error'})`,
    });
  }
  return z.NEVER;
});

/**
 * `soft/hard`: how old the newest proof may be that no revocation is missing, seconds. Past the first it is an alarm, past the
 * second no token is accepted.
 */
export const stalenessLimits = z
  .string()
  .regex(/^\d{1,4}\/\d{1,4}$/, 'must be of the form soft/hard, in seconds')
  .default('10/60')
  .transform((limits) => {
    const [softSeconds = 0, hardSeconds = 0] = limits.split('/').map(Number);
    return { softSeconds, hardSeconds };
  })
  .refine(
    ({ softSeconds, hardSeconds }) => softSeconds >= 2 && hardSeconds > softSeconds,
    'must be two seconds or more, and the hard limit above the soft one',
  );

/** Settings that every process of ours takes. */
export const hostSettings = {
  BIND_HOST: z.string().default('127.0.0.1').describe('The address to listen on.'),
  MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(10)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'How many connections each listener keeps open at once; one more is closed unanswered. On the service listener each reader of the feed holds one.',
    ),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('What is logged: this and worse.'),
  LOG_FORMAT: z
    .enum(['json', 'pretty'])
    .default('json')
    .describe('`json` for machines, `pretty` for people.'),
  DRAIN_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .default(0)
    .describe(
      'How long a process that was told to stop goes on serving, not ready, until whoever routes to it has noticed.',
    ),
};
