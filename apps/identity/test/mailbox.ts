import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MailDelivery } from '../src/mail/mail-delivery.js';
import type { Replica } from './identity-under-test.js';

/** Delivers what is due, and gives the messages to an address, oldest first. */
export async function mailsTo(replica: Replica, address: string): Promise<string[]> {
  await replica.get(MailDelivery).deliverDue();
  const names = (await readdir(replica.mailDir)).filter((name) => !name.startsWith('.')).sort();
  const mails = await Promise.all(
    names.map((name) => readFile(join(replica.mailDir, name), 'utf8')),
  );
  return mails.filter((mail) => mail.startsWith(`To: ${address}\n`));
}

export async function lastMailTo(replica: Replica, address: string): Promise<string> {
  const mail = (await mailsTo(replica, address)).at(-1);
  if (mail === undefined) throw new Error(`nothing was sent to ${address}`);
  return mail;
}

/** The token in a message. */
export function tokenIn(mail: string): string {
  const [, token] = /^ {2}([\w-]{43})$/m.exec(mail) ?? [];
  if (token === undefined) throw new Error('there is no token in the message');
  return token;
}

/** The token in the last message to an address. */
export const tokenSentTo = async (replica: Replica, address: string): Promise<string> =>
  tokenIn(await lastMailTo(replica, address));
