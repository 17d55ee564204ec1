// What processes have used, as Linux counts it.
import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc/PID/stat, in ticks of a hundredth of a second. */
const TICK_MS = 10;

/** The fields of /proc/PID/stat after the name, which may hold blanks itself; undefined when the process is gone. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Processor time of all threads of a process, milliseconds. */
export function cpuMsOf(pid) {
  const stat = statOf(pid);
  if (!stat) throw new Error(`process ${pid} has ended`);
  return (Number(stat[11]) + Number(stat[12])) * TICK_MS;
}

/** The processes that a process has started, and those that they have. */
export function descendantsOf(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), Number(statOf(name)?.[1])]);
  const found = [pid];
  for (const one of found)
    for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found.slice(1);
}

/** The most memory that a process has ever had resident, MiB; 0 when it is gone. */
export function peakMbOf(pid) {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}
