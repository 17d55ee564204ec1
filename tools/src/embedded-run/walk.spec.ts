import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newDemoAccounts } from './demo-accounts.js';
import { choosePorts } from './ports.js';
import { quote, walkCommands, welcome } from './walk.js';

const ports = choosePorts(4000);

describe('the walk', () => {
  it('is made of commands alone: comments cannot be pasted into every shell', () => {
    const lines = walkCommands(ports, '/state/demo.json').split('\n');
    expect(lines.filter((line) => !/^([A-Z]+=|(sleep 1; )?curl )/.test(line))).toEqual([]);
  });

  it('goes through the gateway only, and needs no jq', () => {
    const commands = walkCommands(ports, '/state/demo.json');
    expect(commands).toContain('API=http://localhost:4080');
    expect(commands.match(/https?:/g)).toHaveLength(1);
    expect(commands).not.toContain('jq');
  });

  it('finds the password in the file, whatever the folder is called', () => {
    const folder = mkdtempSync(join(tmpdir(), "it's a folder "));
    try {
      const accounts = newDemoAccounts();
      const file = join(folder, 'demo.json');
      writeFileSync(file, `${JSON.stringify(accounts, null, 2)}\n`);
      const line = walkCommands(ports, file).split('\n')[1];
      const { stdout } = spawnSync('/bin/sh', ['-c', `${line ?? ''}; printf %s "$PASSWORD"`]);
      expect(stdout.toString()).toBe(accounts.customer.password);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is not printed when there is nobody to log in as', () => {
    const text = welcome(ports, { mailFolder: '/state/mail', demoFile: undefined });
    expect(text).toContain('http://localhost:4080');
    expect(text).toContain('health, metrics  http://127.0.0.1:4010/');
    expect(text).not.toContain('curl');
  });
});

describe('a word of a shell', () => {
  it('is quoted only where it must be', () => {
    expect(quote('/a/b-c.json')).toBe('/a/b-c.json');
    expect(quote("/a b/it's")).toBe("'/a b/it'\\''s'");
    expect(quote('')).toBe("''");
  });
});
