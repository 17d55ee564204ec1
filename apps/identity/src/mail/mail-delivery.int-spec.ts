import { setTimeout as delay } from 'node:timers/promises';
import { jest } from '@jest/globals';
import type { Registry } from '@countersign/service-host';
import { startReplica, stopReplicas } from '../../test/identity-under-test.js';
import type { Replica } from '../../test/identity-under-test.js';
import { MAIL_USER, startMailServer } from '../../test/mail-server.js';
import type { MailServer } from '../../test/mail-server.js';
import { METRICS } from '../platform/platform.module.js';
import { MailDelivery } from './mail-delivery.js';
import { Outbox } from './outbox.js';
import { SmtpMailer } from './smtp-mailer.js';

jest.setTimeout(120_000);

let server: MailServer;
let replicas: Replica[];
beforeAll(async () => {
  server = await startMailServer({ refuse: 'refused' });
  const user = `${MAIL_USER.user}:${encodeURIComponent(MAIL_USER.password)}`;
  const settings = {
    MAIL_DIR: '',
    SMTP_URL: `smtp://${user}@127.0.0.1:${String(server.port)}`,
    MAIL_FROM: 'The Shop <no-reply@shop.test>',
  };
  const first = await startReplica({ settings });
  replicas = [first, await startReplica({ databaseUrl: first.databaseUrl, settings })];
});
afterAll(async () => {
  await stopReplicas();
  await server.stop();
});

const put = (to: string, text = 'the text', patienceSeconds?: number) =>
  replicas[0]!.database.transaction((tx) =>
    replicas[0]!.get(Outbox).put(tx, { to, subject: 'A subject', text }, patienceSeconds),
  );
const deliver = (replica = 0) => replicas[replica]!.get(MailDelivery).deliverDue();
const query = <T>(sql: string) => replicas[0]!.database.run((m) => m.query<T[]>(sql));
const rows = () =>
  query<{ attempts: number; wait: number; sealed_message: Buffer }>(
    `SELECT attempts, extract(epoch FROM due_at - clock_timestamp())::float AS wait, sealed_message FROM mail_outbox`,
  );
const allDueNow = () => query(`UPDATE mail_outbox SET due_at = clock_timestamp()`);
const mailsTo = (to: string) => server.mails.filter(({ recipients }) => recipients.includes(to));
const outcomes = async (replica = 0): Promise<Record<string, number>> => {
  const metrics = replicas[replica]!.get<Registry>(METRICS as never);
  const { values } = await metrics.getSingleMetric('countersign_mails_total')!.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels['outcome']), value]));
};

it('a message reaches the mail server as plain text, and leaves the outbox', async () => {
  await put('ann@example.test', 'Zoë, your token is:\n\n  abc');
  expect(await deliver()).toBe(true);
  const [mail] = mailsTo('ann@example.test');
  expect(mail).toMatchObject({ recipients: ['ann@example.test'], user: MAIL_USER.user });
  expect(mail!.raw).toContain('From: The Shop <no-reply@shop.test>\r\n');
  expect(mail!.raw).toContain('To: ann@example.test\r\n');
  expect(mail!.raw).toContain('Subject: A subject\r\n');
  expect(mail!.raw).toContain('Auto-Submitted: auto-generated\r\n');
  expect(mail!.raw).toMatch(/Message-ID: <[\da-f-]{36}@shop\.test>\r\n/);
  expect(mail!.raw).toContain('Content-Type: text/plain; charset=utf-8\r\n');
  expect(mail!.raw).not.toMatch(/multipart|text\/html/);
  expect(mail!.raw).toContain('\r\n  abc\r\n');
  expect(await rows()).toEqual([]);
});

it('what was rolled back is not sent, and what waits cannot be read in the database', async () => {
  const rolledBack = replicas[0]!.database.transaction(async (tx) => {
    await replicas[0]!
      .get(Outbox)
      .put(tx, { to: 'never@example.test', subject: 'S', text: 'never' });
    throw new Error('no');
  });
  await expect(rolledBack).rejects.toThrow('no');
  await put('sealed@example.test', 'a secret token');
  const [row] = await rows();
  expect(row!.sealed_message.toString('latin1')).not.toMatch(/secret|sealed@/);
  await deliver();
  expect([mailsTo('never@example.test').length, mailsTo('sealed@example.test').length]).toEqual([
    0, 1,
  ]);
});

it('several replicas send each message once', async () => {
  const names = Array.from({ length: 40 }, (_, n) => `many${String(n)}@example.test`);
  await replicas[0]!.database.transaction(async (tx) => {
    for (const to of names) await replicas[0]!.get(Outbox).put(tx, { to, subject: 'S', text: 'x' });
  });
  await Promise.all([deliver(0), deliver(1), deliver(0), deliver(1)]);
  expect(names.map((to) => mailsTo(to).length)).toEqual(names.map(() => 1));
  expect(await rows()).toEqual([]);
});

it('a message that another replica is taking right now is left to it, without a wait', async () => {
  await put('held@example.test');
  await replicas[0]!.database.transaction(async (tx) => {
    await tx.query(`SELECT FROM mail_outbox FOR UPDATE`);
    expect(await replicas[1]!.get(Outbox).claim(10)).toEqual([]);
  });
  expect(await deliver(1)).toBe(true);
  expect(mailsTo('held@example.test')).toHaveLength(1);
});

it('a recipient whom the server refuses is tried once and keeps nobody else waiting', async () => {
  await put('refused@example.test');
  await put('after@example.test');
  expect(await deliver()).toBe(true);
  expect(mailsTo('after@example.test')).toHaveLength(1);
  expect(await rows()).toEqual([]);
  expect((await outcomes())['refused']).toBe(1);
});

it('a message that somebody took and did not send is sent by another', async () => {
  await put('taken@example.test');
  const [claimed] = await replicas[1]!.get(Outbox).claim(1);
  expect(await deliver()).toBe(true);
  expect(mailsTo('taken@example.test')).toEqual([]);
  const [row] = await rows();
  expect(row!.wait).toBeGreaterThan(60);
  await allDueNow();
  await deliver();
  expect(mailsTo('taken@example.test')).toHaveLength(1);
  // Too late: it says nothing about somebody else's try.
  await replicas[1]!.get(Outbox).postpone(claimed!, 5);
  expect(await rows()).toEqual([]);
});

it('a server that is away is tried again until it is back; meanwhile messages wait', async () => {
  const { port } = server;
  await server.stop();
  await put('patient@example.test');
  expect(await deliver()).toBe(false);
  const [first] = await rows();
  expect(first!.attempts).toBe(1);
  expect(first!.wait).toBeLessThanOrEqual(6);
  expect((await outcomes())['failed']).toBe(1);
  replicas[0]!.get(MailDelivery).start();
  server = await startMailServer({ port });
  while (mailsTo('patient@example.test').length === 0) await delay(50);
  while ((await rows()).length > 0) await delay(50);
  await replicas[0]!.get(MailDelivery).stop();
});

it('is given up when nobody would want it any more', async () => {
  await put('late@example.test', 'x', 0);
  await deliver(1);
  expect([mailsTo('late@example.test'), await rows()]).toEqual([[], []]);
  expect((await outcomes(1))['given_up']).toBe(1);
});

describe('over SMTP', () => {
  const mailer = (url: string, allowPlaintext = false) =>
    new SmtpMailer({
      url,
      password: undefined,
      from: { name: '', address: 'no-reply@shop.test' },
      allowPlaintext,
    });
  const at = (host: string, { port } = server) => `smtp://${host}:${String(port)}`;

  it('no header can be put into a message from outside', async () => {
    const good = { to: 'a@example.test', subject: 'S', text: 'x' };
    for (const to of [
      'a@example.test\r\nBcc: b@example.test',
      'a@example.test\nX: y',
      'a@example.test, b@example.test',
      'a@example.test>\r\nRCPT TO:<b@example.test',
    ]) {
      await expect(mailer(at('127.0.0.1')).send({ ...good, to }, 'id')).rejects.toThrow('address');
    }
    const subject = 'S\r\nBcc: b@example.test';
    await expect(mailer(at('127.0.0.1')).send({ ...good, subject }, 'id')).rejects.toThrow('line');
    await mailer(at('127.0.0.1')).send({ ...good, text: '.\r\nBcc: b@example.test\r\n.\r\n' }, 'x');
    const [mail] = mailsTo('a@example.test');
    expect(mailsTo('b@example.test')).toEqual([]);
    expect(mail!.raw.split('\r\n\r\n')[0]).not.toContain('Bcc');
  });

  // 0.0.0.0 is this machine, but does not look like it.
  it('nothing is sent in clear to another machine unless that is allowed', async () => {
    const message = { to: 'clear@example.test', subject: 'S', text: 'x' };
    await expect(mailer(at('0.0.0.0')).send(message, 'id')).rejects.toThrow();
    expect(mailsTo('clear@example.test')).toEqual([]);
    await mailer(at('0.0.0.0'), true).send(message, 'id');
    expect(mailsTo('clear@example.test')).toHaveLength(1);
  });

  it('nor over TLS to a server that cannot prove its name', async () => {
    // It says that the key of its certificate is known to everybody.
    jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const other = await startMailServer({ startTls: true });
    const message = { to: 'tls@example.test', subject: 'S', text: 'x' };
    for (const allowed of [false, true]) {
      await expect(mailer(at('0.0.0.0', other), allowed).send(message, 'id')).rejects.toThrow(
        /certificate/,
      );
    }
    expect(other.mails).toEqual([]);
    await mailer(at('localhost', other)).send(message, 'id');
    expect(other.mails).toHaveLength(1);
    await other.stop();
  });
});
