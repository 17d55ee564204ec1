import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DemoAccounts, ensureDemoAccounts } from './demo-accounts.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-demo-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Identity's command, as far as these tests see it. */
class FakeAccounts {
  readonly passwords = new Map<string, string>();

  add = (email: string, _role: string, password: string) => {
    if (this.passwords.has(email)) return answer(1, 'an account with this address exists already');
    this.passwords.set(email, password);
    return answer(0, 'id');
  };
}

const answer = (code: number, output: string) => Promise.resolve({ code, output });

async function demoFile(): Promise<DemoAccounts> {
  return JSON.parse(await readFile(join(folder, 'demo.json'), 'utf8')) as DemoAccounts;
}

describe('the demo accounts', () => {
  it('are made once', async () => {
    const accounts = new FakeAccounts();
    await ensureDemoAccounts(folder, 'data-1', accounts.add);
    const { customer, support } = await demoFile();
    expect(Object.fromEntries(accounts.passwords)).toEqual({
      'customer@example.test': customer.password,
      'support@example.test': support.password,
    });
    expect(customer.password.length).toBeGreaterThanOrEqual(24);

    await ensureDemoAccounts(folder, 'data-1', () => answer(1, 'not to be called'));
  });

  it('are made again, with the same passwords, in data that was made anew', async () => {
    await ensureDemoAccounts(folder, 'data-1', new FakeAccounts().add);
    const accounts = new FakeAccounts();
    await ensureDemoAccounts(folder, 'data-2', accounts.add);
    const { customer } = await demoFile();
    expect(accounts.passwords.get('customer@example.test')).toBe(customer.password);
  });

  it('are completed when the first attempt was interrupted', async () => {
    const accounts = new FakeAccounts();
    const interrupted = ensureDemoAccounts(folder, 'data-1', (email, role, password) =>
      role === 'support' ? answer(1, 'interrupted') : accounts.add(email, role, password),
    );
    await expect(interrupted).rejects.toThrow(
      /support@example.test could not be made: interrupted/,
    );
    await ensureDemoAccounts(folder, 'data-1', accounts.add);
    const { support } = await demoFile();
    expect(accounts.passwords.get('support@example.test')).toBe(support.password);
  });

  it('say so when their passwords were lost', async () => {
    const accounts = new FakeAccounts();
    await ensureDemoAccounts(folder, 'data-1', accounts.add);
    await rm(join(folder, 'demo.json'));
    await expect(ensureDemoAccounts(folder, 'data-1', accounts.add)).rejects.toThrow(
      /demo\.json with its password was lost/,
    );
  });
});
