import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { freePorts } from './free-ports.js';

/** What a mail server has got. */
export interface ReceivedMail {
  readonly recipients: readonly string[];
  /** Who signed in at the server. */
  readonly user: string | undefined;
  /** As it came, with its headers. */
  readonly raw: string;
}

/** A mail server on loopback. */
export interface MailServer {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  stop(): Promise<void>;
}

export interface MailServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Recipients whose address begins with it are refused for ever. */
  readonly refuse?: string;
  readonly startTls?: boolean;
}

export const MAIL_USER = { user: 'countersign', password: 'p@ss/word' };

export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    closeTimeout: 100,
    // It offers TLS with a certificate that nobody signed.
    disabledCommands: options.startTls === true ? [] : ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, callback) {
      const good = username === MAIL_USER.user && password === MAIL_USER.password;
      callback(good ? null : new Error('no'), good ? { user: username } : undefined);
    },
    onRcptTo({ address }, _session, callback) {
      const refused = options.refuse !== undefined && address.startsWith(options.refuse);
      callback(refused ? Object.assign(new Error('nobody'), { responseCode: 550 }) : null);
    },
    onData(stream, session, callback) {
      void text(stream).then((raw) => {
        const recipients = session.envelope.rcptTo.map(({ address }) => address);
        mails.push({ recipients, user: session.user as string | undefined, raw });
        callback();
      });
    },
  });
  server.on('error', () => undefined);
  const listening = server.listen(options.port ?? (await freePorts(1))[0], '127.0.0.1');
  await once(listening, 'listening');
  return {
    port: (listening.address() as AddressInfo).port,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
