// The health check of a container, by Node itself: exit code 0 when the process in it is ready.
const { OPERATOR_PORT, MANAGEMENT_PORT = OPERATOR_PORT ?? '3010' } = process.env;

try {
  const { ok, status } = await fetch(`http://127.0.0.1:${MANAGEMENT_PORT}/health/ready`, {
    signal: AbortSignal.timeout(2_500),
  });
  if (!ok) console.error(`not ready: ${String(status)}`);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  console.error(`no answer: ${error.cause?.code ?? error.message}`);
  process.exitCode = 1;
}
