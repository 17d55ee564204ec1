import { secretFile } from '@countersign/service-host';
import { z } from 'zod';

/** Who messages come from. */
export interface Sender {
  readonly name: string;
  readonly address: string;
}

const address = z.email();

/** `a@example.com` or `Name <a@example.com>`. */
const sender = z
  .string()
  .max(300)
  .transform((text, context): Sender => {
    const [, name = '', inner] = /^([^<>"\p{Cc}]{0,100}?) ?<([^<>]*)>$/u.exec(text) ?? [];
    const parsed = address.safeParse(inner ?? text);
    if (parsed.success) return { name: name.trim(), address: parsed.data };
    context.addIssue({
      code: 'custom',
      message: 'must be an e-mail address, or a name and <an address>',
    });
    return z.NEVER;
  });

/** Settings of how messages reach people. */
export const mailSettings = {
  SMTP_URL: z
    .string()
    .refine(
      isSmtpUrl,
      'must be smtp://[user[:password]@]host[:port] or smtps://…, without path and query',
    )
    .optional()
    .describe(
      '`smtp://[user[:password]@]host[:port]` (STARTTLS), or `smtps://` (TLS from the first byte).',
    ),
  SMTP_PASSWORD_FILE: secretFile
    .optional()
    .describe('A file with the password, which is used instead of one in `SMTP_URL`.'),
  SMTP_ALLOW_PLAINTEXT: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .describe(
      'Lets `smtp://` go on without TLS where the server offers none. On loopback it always may.',
    ),
  MAIL_FROM: sender
    .optional()
    .describe(
      'Who messages come from: `a@example.com` or `Name <a@example.com>`. Needed with `SMTP_URL`.',
    ),
  MAIL_DIR: z
    .string()
    .optional()
    .describe('Instead of `SMTP_URL`, for development: the folder that messages are kept in.'),
  ACCOUNT_PAGE_URL: z
    .url({ protocol: /^https?$/, abort: true, error: 'must be an http or https URL' })
    .refine((url) => !url.includes('#'), 'must have no fragment: the token becomes it')
    .optional()
    .describe(
      'The page of the front end that people are sent to by messages; a task and its token are added as the fragment.',
    ),
};

function isSmtpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(text);
  return (
    /^smtps?:$/.test(protocol) &&
    hostname !== '' &&
    ['', '/'].includes(pathname) &&
    search === '' &&
    hash === ''
  );
}

/** What is wrong between these settings, as name and message. */
export function mailFaults(given: {
  readonly SMTP_URL?: string | undefined;
  readonly MAIL_FROM?: Sender | undefined;
  readonly MAIL_DIR?: string | undefined;
}): readonly (readonly [name: string, message: string])[] {
  if (given.SMTP_URL !== undefined && given.MAIL_DIR !== undefined) {
    return [['MAIL_DIR', 'messages go one way: give SMTP_URL or MAIL_DIR, not both']];
  }
  if (given.SMTP_URL === undefined && given.MAIL_DIR === undefined) {
    const message =
      'people cannot be reached: give SMTP_URL and MAIL_FROM, or MAIL_DIR, a folder, for development';
    return [['SMTP_URL', message]];
  }
  if (given.SMTP_URL !== undefined && given.MAIL_FROM === undefined) {
    return [['MAIL_FROM', 'messages by SMTP need an address that they come from']];
  }
  return [];
}
