import { spawn } from 'node:child_process';

/** Ends processes that this one has started, should it die without doing so itself (SIGKILL, out of memory). */
export interface ParentWatch {
  /**
   * The last one added is ended first: `signal`, and SIGKILL when it is still there after 8 seconds. If it leads a
   * process group, what it leaves in it is ended too.
   */
  add(pid: number, signal: 'SIGINT' | 'SIGTERM'): void;
  /** To be called when the process has ended, since its id may be given to another. */
  remove(pid: number): void;
  /** Stops watching and ends nobody. */
  close(): void;
}

/** Reads commands from its standard input. The end of input means that the parent is gone, however it went. */
const watcher = `
trap '' HUP INT TERM
list=''
while read -r verb pid signal; do
  case $verb in
    add) list="$pid:$signal $list" ;;
    remove)
      kept=''
      for entry in $list; do [ "\${entry%%:*}" = "$pid" ] || kept="$kept $entry"; done
      list=$kept ;;
    close) exit 0 ;;
  esac
done
for entry in $list; do
  pid=\${entry%%:*}
  kill -s "\${entry#*:}" "$pid" 2>/dev/null || continue
  tries=80
  while [ "$tries" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    tries=$((tries - 1))
  done
  kill -s KILL "$pid" 2>/dev/null
  kill -s KILL -- "-$pid" 2>/dev/null
done
`;

/**
 * Starts a small shell that outlives this process by as long as it needs. It does not keep this process running.
 * On Windows, which has no such shell, it does nothing.
 */
export function watchOverChildren(): ParentWatch {
  if (process.platform === 'win32') return { add: ignore, remove: ignore, close: ignore };
  const shell = spawn('/bin/sh', ['-c', watcher], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const { stdin } = shell;
  // Without the watch everything works, except after a crash of ours.
  shell.on('error', ignore);
  stdin.on('error', ignore);
  shell.unref();
  (stdin as unknown as { unref(): void }).unref();
  return {
    add: (pid, signal) => stdin.write(`add ${pid} ${signal.slice('SIG'.length)}\n`),
    remove: (pid) => stdin.write(`remove ${pid}\n`),
    close: () => stdin.end('close\n'),
  };
}

function ignore(): void {
  // Nothing to do.
}
