import { execFile } from 'node:child_process';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { commandOf } from './process-table.js';

const run = promisify(execFile);

export interface PortHolder {
  readonly pid: number;
  /** Command line, when the system tells. */
  readonly command: string | undefined;
}

/** Socket inodes that listen on `port`, from the text of `/proc/net/tcp` or `/proc/net/tcp6`. */
export function listeningInodes(procNetTcp: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return procNetTcp
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local?.split(':').at(-1) === wanted)
    .flatMap((fields) => fields[9] ?? []);
}

/** The first process id in the output of `lsof -Fp`. */
export function firstLsofPid(output: string): number | undefined {
  const pid = /^p(\d+)$/m.exec(output)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/**
 * Who listens on a TCP port of this machine. Undefined when nobody does, or when the system does not tell
 * (another user's process, for one).
 */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  const pid = (await holderFromProc(port)) ?? (await holderFromLsof(port));
  return pid === undefined ? undefined : { pid, command: await commandOf(pid) };
}

/** `process 4711 (node server.js)`, or `another process` when nothing is known. */
export function describePortHolder(holder: PortHolder | undefined): string {
  if (holder === undefined) return 'another process (its owner hides which)';
  const command = holder.command;
  if (command === undefined) return `process ${holder.pid}`;
  return `process ${holder.pid} (${command.length > 120 ? `${command.slice(0, 117)}...` : command})`;
}

async function holderFromProc(port: number): Promise<number | undefined> {
  const inodes = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const inode of listeningInodes(text, port)) inodes.add(`socket:[${inode}]`);
  }
  if (inodes.size === 0) return undefined;
  for (const entry of await readdir('/proc')) {
    if (/^\d+$/.test(entry) && (await holdsOneOf(entry, inodes))) return Number(entry);
  }
  return undefined;
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
    if (sockets.has(target)) return true;
  }
  return false;
}

async function holderFromLsof(port: number): Promise<number | undefined> {
  try {
    const { stdout } = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp']);
    return firstLsofPid(stdout);
  } catch {
    return undefined;
  }
}
