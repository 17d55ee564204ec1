/** What a running server writes into `postmaster.pid` in its data directory. */
export interface PostmasterPid {
  readonly pid: number;
  readonly dataDirectory: string;
  readonly port: number | undefined;
}

/** Reads the text of a `postmaster.pid`. Undefined when it does not begin with a process id (cut off by a crash). */
export function parsePostmasterPid(text: string): PostmasterPid | undefined {
  const [pid, dataDirectory, , port] = text.split('\n').map((line) => line.trim());
  if (pid === undefined || !/^[1-9]\d*$/.test(pid)) return undefined;
  return {
    pid: Number(pid),
    dataDirectory: dataDirectory ?? '',
    port: port !== undefined && /^[1-9]\d*$/.test(port) ? Number(port) : undefined,
  };
}

/** Whether a command line runs the server program of Postgres. */
export function isPostgresCommand(command: string): boolean {
  return /(^|[\\/])postgres(\.exe)? /.test(command);
}

/**
 * Whether a command line is that of the main process of a server on `data`. Postgres keeps the command line it was
 * started with, and we start it with `-D <data>`.
 */
export function isPostmasterCommand(command: string, data: string): boolean {
  return isPostgresCommand(command) && `${command} `.includes(` -D ${data} `);
}
