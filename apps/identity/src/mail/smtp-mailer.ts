import { createTransport } from 'nodemailer';
import type { Sender } from '../config/mail-settings.js';
import { Mailer, RecipientRefused } from './mailer.js';
import type { Message } from './mailer.js';

/** How to reach the mail server. */
export interface SmtpSettings {
  readonly url: string;
  /** Used instead of one in the URL. */
  readonly password: string | undefined;
  readonly from: Sender;
  readonly allowPlaintext: boolean;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Hands messages to a mail server (RFC 5321), each over a connection of its own. Without TLS only on loopback, or where it is
 * allowed: the text holds secrets. The server's certificate is checked.
 */
export class SmtpMailer extends Mailer {
  readonly #transport;

  constructor(private readonly settings: SmtpSettings) {
    super();
    this.#transport = createTransport(transportOptions(settings));
  }

  async send({ to, subject, text }: Message, id: string): Promise<void> {
    // nodemailer would encode or cut them; nothing of ours ever holds one.
    if (/[\p{Cc}<>,;"]|\s/u.test(to)) throw new RecipientRefused('this is not one address');
    if (/\p{Cc}/u.test(subject)) throw new TypeError('a subject is one line');
    const { from } = this.settings;
    try {
      await this.#transport.sendMail({
        from,
        to: { name: '', address: to },
        subject,
        text,
        messageId: `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`,
        // RFC 3834: no robot answers it.
        headers: { 'Auto-Submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
      });
    } catch (error) {
      if (isRefusal(error)) throw new RecipientRefused('the server refused the recipient');
      throw error;
    }
  }

  override close(): void {
    this.#transport.close();
  }
}

/** A permanent answer (5yz) to the recipient. To anything else, such as our sign-in, a later try may get another one. */
function isRefusal(error: unknown): boolean {
  const { command, responseCode } = error as { command?: unknown; responseCode?: unknown };
  return command === 'RCPT TO' && typeof responseCode === 'number' && responseCode >= 500;
}

function transportOptions({ url, password, allowPlaintext }: SmtpSettings) {
  const { protocol, hostname, port, username, password: inUrl } = new URL(url);
  const secure = protocol === 'smtps:';
  const loopback = LOOPBACK.test(hostname);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && !loopback && !allowPlaintext,
    // A server on this machine often offers TLS with a certificate that nobody signed.
    ignoreTLS: !secure && loopback,
    ...(username !== '' && {
      auth: { user: decodeURIComponent(username), pass: password ?? decodeURIComponent(inUrl) },
    }),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    dnsTimeout: 10_000,
    socketTimeout: 20_000,
  };
}
