/** What our own services ask each other all the time, whoever uses the system. */
const routineRoutes = ['/relying-services/check-in', '/revocations', '/.well-known/', '/health/'];

/** For who keeps the log. Written every minute, and nothing to a person in front of it. */
const headOfAuditLog = '"msg":"head of the audit log"';

/**
 * Whether a line of a log says only that our services keep in touch as they should. Several come every second or so,
 * and would push what a person wants to see out of the window. A failure among them is not routine.
 */
export function isRoutine(line: string): boolean {
  if (line.includes('"level":"info"') && line.includes(headOfAuditLog)) return true;
  if (!routineRoutes.some((route) => line.includes(`"route":"${route}`))) return false;
  const status = /"status":(\d+)/.exec(line)?.[1];
  return status !== undefined && Number(status) < 400;
}
